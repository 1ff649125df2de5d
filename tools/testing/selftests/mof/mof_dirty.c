// SPDX-License-Identifier: GPL-2.0
/*
 * Write tracking of marked memory reports all writes and no others: soft-dirty
 * bits, and PAGEMAP_SCAN with asynchronous write-protection.
 */
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "lib/test.h"

static int clear_soft_dirty(void)
{
	return write_text("/proc/self/clear_refs", "4");
}

/* A page just written must be soft-dirty, and clear after a reset. */
static const char *soft_dirty_missing(const struct area *a)
{
	page_write(a, 0);
	if (!(page_entry(a, 0) & PM_SOFT_DIRTY))
		return "kernel without soft-dirty bits";
	if (clear_soft_dirty() || page_entry(a, 0) & PM_SOFT_DIRTY)
		return "cannot clear soft-dirty bits";
	return NULL;
}

TEST_F(lazy, a_read_that_moves_a_page_does_not_make_it_soft_dirty)
{
	const char *why = soft_dirty_missing(&self->a);

	SKIP_IF(return, why);
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_with(&self->a, PM_SOFT_DIRTY));
	area_write(&self->a);
	EXPECT_EQ(AREA_PAGES, area_with(&self->a, PM_SOFT_DIRTY));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, a_write_that_moves_a_page_makes_it_soft_dirty)
{
	long i;

	SKIP_IF(return, soft_dirty_missing(&self->a));
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	for (i = 0; i < AREA_PAGES; i += 2)
		page_write(&self->a, i);
	EXPECT_EQ(AREA_PAGES / 2, area_with(&self->a, PM_SOFT_DIRTY));
	area_read(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(AREA_PAGES / 2, area_with(&self->a, PM_SOFT_DIRTY));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, soft_dirty_pages_stay_so_when_they_are_marked_and_move)
{
	long i;

	SKIP_IF(return, soft_dirty_missing(&self->a));
	for (i = 0; i < AREA_PAGES; i += 2)
		page_write(&self->a, i);
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	EXPECT_EQ(AREA_PAGES / 2, area_with(&self->a, PM_SOFT_DIRTY));
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	for (i = 0; i < AREA_PAGES; i++)
		EXPECT_EQ(i % 2, !(page_entry(&self->a, i) & PM_SOFT_DIRTY));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, clearing_soft_dirty_bits_keeps_the_marks)
{
	const char *why = soft_dirty_missing(&self->a);

	SKIP_IF(return, why);
	area_write(&self->a);
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, clear_soft_dirty());
	EXPECT_EQ(AREA_PAGES, area_hinted(&self->a));
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_with(&self->a, PM_SOFT_DIRTY));
	area_write(&self->a);
	EXPECT_EQ(AREA_PAGES, area_with(&self->a, PM_SOFT_DIRTY));
	EXPECT_EQ(0, area_bad(&self->a));
}

/* A read may make it soft-dirty as well: see remove_migration_pmd(). */
TEST_F(lazy, a_write_that_moves_a_thp_makes_it_soft_dirty)
{
	const char *why = thp_missing();
	struct area thp;

	SKIP_IF(return, why);
	ASSERT_EQ(0, area_new_thp(&thp, 1, self->m.from));
	why = soft_dirty_missing(&thp);
	SKIP_IF(return, why);
	ASSERT_EQ(0, mark(&thp, MPOL_BIND, NODE_MASK(self->m.to)));
	EXPECT_EQ(0, area_with(&thp, PM_SOFT_DIRTY));
	page_write(&thp, 1);
	EXPECT_EQ(thp.pages, area_on(&thp, self->m.to));
	EXPECT_EQ(thp.pages, area_with(&thp, PM_SOFT_DIRTY));
	EXPECT_EQ(0, area_bad(&thp));
}

static int clear_always(const struct crew *c, long i)
{
	return clear_soft_dirty();
}

TEST_F(lazy, clearing_soft_dirty_bits_beside_marks_and_writers_loses_no_write)
{
	struct crew c = {
		.a = &self->a, .m = &self->m, .op = clear_always, .times = 50,
	};

	SKIP_IF(return, soft_dirty_missing(&self->a));
	ASSERT_EQ(0, crew_run(&c));
	EXPECT_EQ(0, c.lost);
	EXPECT_EQ(0, c.refused);
	EXPECT_EQ(0, area_bad(&self->a));
}

/* Register with userfaultfd; the kernel itself lifts the protection. */
static int follow_writes(const struct area *a)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_WP_ASYNC };
	struct uffdio_register reg = {
		.range = { (uintptr_t)a->base, area_bytes(a) },
		.mode = UFFDIO_REGISTER_MODE_WP,
	};
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &reg))
		return -errno;
	return fd;
}

/* Number of pages written since the last call; protects them again. */
static long written_pages(const struct area *a)
{
	struct page_region found[AREA_PAGES];
	struct pm_scan_arg arg = {
		.size = sizeof(arg), .start = (uintptr_t)a->base,
		.end = (uintptr_t)a->base + area_bytes(a),
		.flags = PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC,
		.vec = (uintptr_t)found, .vec_len = AREA_PAGES,
		.category_mask = PAGE_IS_WRITTEN, .return_mask = PAGE_IS_WRITTEN,
	};
	int fd = open("/proc/self/pagemap", O_RDONLY);
	long i, pages = 0;
	int n;

	n = ioctl(fd, PAGEMAP_SCAN, &arg);
	close(fd);
	for (i = 0; i < n; i++)
		pages += (found[i].end - found[i].start) / page_size();
	return n < 0 ? -errno : pages;
}

TEST_F(lazy, pagemap_scan_sees_writes_to_marked_pages_and_no_migration)
{
	int fd = follow_writes(&self->a);
	long i;

	if (fd < 0)
		SKIP(return, "kernel without asynchronous write-protection");
	ASSERT_EQ(AREA_PAGES, written_pages(&self->a));
	ASSERT_EQ(0, written_pages(&self->a));
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	for (i = 0; i < AREA_PAGES; i += 2)
		page_read(&self->a, i);
	EXPECT_EQ(0, written_pages(&self->a));
	for (i = 0; i < AREA_PAGES; i += 4)
		page_write(&self->a, i);
	EXPECT_EQ(AREA_PAGES / 4, written_pages(&self->a));
	area_write(&self->a);
	EXPECT_EQ(AREA_PAGES, written_pages(&self->a));
	EXPECT_EQ(0, area_hinted(&self->a));
	EXPECT_EQ(0, area_bad(&self->a));
	close(fd);
}

TEST_F(lazy, a_write_that_moves_a_page_is_seen_by_pagemap_scan)
{
	int fd = follow_writes(&self->a);
	long i;

	if (fd < 0)
		SKIP(return, "kernel without asynchronous write-protection");
	ASSERT_EQ(AREA_PAGES, written_pages(&self->a));
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	for (i = 0; i < AREA_PAGES; i += 2)
		page_write(&self->a, i);
	EXPECT_EQ(AREA_PAGES / 2, written_pages(&self->a));
	EXPECT_EQ(0, area_bad(&self->a));
	close(fd);
}

#include "lib/main.h"
