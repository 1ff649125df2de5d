// SPDX-License-Identifier: GPL-2.0
/*
 * Pages that the call skips: file pages that are cached and not mapped, and
 * pages that one process maps several times. Compares the call with
 * MPOL_MF_MOVE without MPOL_MF_LAZY on the same memory.
 */
#include <fcntl.h>
#include <sys/mman.h>

#include "lib/test.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#endif

#define RW	(PROT_READ | PROT_WRITE)
#define MAPPINGS	3

FIXTURE(cached)
{
	struct machine m;
	struct disk disk;
	int fd;
	struct area a;		/* a new mapping of the file, cached on m.from */
	struct stats before;
	struct stats d;
};

FIXTURE_VARIANT(cached)
{
	bool disk;
	bool mapped;		/* written through a mapping that no longer exists */
	bool private;		/* mapped by a private mapping */
};

FIXTURE_VARIANT_ADD(cached, written_memfd) {
};

FIXTURE_VARIANT_ADD(cached, mapped_memfd) {
	.mapped = true,
};

FIXTURE_VARIANT_ADD(cached, memfd_mapped_privately) {
	.private = true,
};

FIXTURE_VARIANT_ADD(cached, file_on_disk) {
	.disk = true,
};

static int file_open(const char *dir)
{
	char path[96];

	if (!dir)
		return memfd_create("mof", 0);
	snprintf(path, sizeof(path), "%s/file", dir);
	return open(path, O_RDWR | O_CREAT, 0600);
}

/* Write an area's contents to the file, by write(2) or a mapping. */
static int file_fill(int fd, bool mapped, const struct area *from)
{
	struct area file;
	int err;

	if (!mapped)
		return write(fd, from->base, area_bytes(from)) == area_bytes(from) ? 0 : -EIO;
	if (ftruncate(fd, area_bytes(from)))
		return -errno;
	err = area_map_file(&file, from->pages, RW, MAP_SHARED, fd);
	if (err)
		return err;
	file.seed = from->seed;
	area_fill(&file);
	area_free(&file);
	return 0;
}

/* Cache a file on a node, write it back, and map it into @a. */
static int file_cached(struct area *a, int fd, bool mapped, int flags, int node)
{
	struct area from;
	int err;

	err = area_new(&from, AREA_PAGES, node) ? :
	      set_task_policy(MPOL_BIND, NODE_MASK(node)) ? :
	      file_fill(fd, mapped, &from) ? :
	      set_task_policy(MPOL_DEFAULT, 0);
	if (err)
		return err;
	if (fsync(fd))
		return -errno;
	err = area_map_file(a, AREA_PAGES, RW, flags, fd);
	a->seed = from.seed;
	area_free(&from);
	drain_lru();
	return err;
}

FIXTURE_SETUP(cached)
{
	const char *why = machine_setup_lazy(&self->m);

	if (!why && variant->disk)
		why = disk_mount(&self->disk);
	SKIP_SETUP(return, &self->m, why);
	EXPECT_EQ(0, run_on(self->m.from));
	self->fd = file_open(variant->disk ? self->disk.dir : NULL);
	EXPECT_LE(0, self->fd);
	EXPECT_EQ(0, file_cached(&self->a, self->fd, variant->mapped,
				 variant->private ? MAP_PRIVATE : MAP_SHARED,
				 self->m.from));
	EXPECT_EQ(AREA_PAGES, area_absent(&self->a));
	EXPECT_EQ(0, stats_read(&self->before));
}

FIXTURE_TEARDOWN_PARENT(cached)
{
	disk_umount(&self->disk);
	machine_restore(&self->m);
}

static long mark_strict(const struct area *a, int mode, unsigned long nodes)
{
	return area_mbind(a, mode, nodes, MOF_LAZY_MOVE | MPOL_MF_STRICT);
}

TEST_F(cached, pages_that_are_not_mapped_are_not_marked)
{
	EXPECT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	EXPECT_EQ(0, area_hinted(&self->a));
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&self->a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, self->d.v[MOF_MARKED]);
	EXPECT_EQ(0, self->d.v[MOF_FAULTS]);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.from));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(cached, pages_that_are_not_mapped_are_a_failure_for_strict)
{
	EXPECT_EQ(-EIO, mark_strict(&self->a, MPOL_LOCAL, 0));
	EXPECT_EQ(-EIO, mark_strict(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, self->d.v[MOF_MARKED]);
	EXPECT_EQ(AREA_PAGES, area_absent(&self->a));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(cached, pages_in_place_are_no_failure_for_strict)
{
	EXPECT_EQ(0, mark_strict(&self->a, MPOL_BIND, NODE_MASK(self->m.from)));
	EXPECT_EQ(0, mark_strict(&self->a, MPOL_PREFERRED, NODE_MASK(self->m.from)));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, self->d.v[MOF_MARKED]);
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(cached, pages_that_are_populated_are_marked_and_move)
{
	EXPECT_EQ(-EIO, mark_strict(&self->a, MPOL_LOCAL, 0));
	if (madvise(self->a.base, area_bytes(&self->a), MADV_POPULATE_READ))
		SKIP_UNLESS_FAILED(return, "kernel without MADV_POPULATE_READ");
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.from));
	EXPECT_EQ(0, mark_strict(&self->a, MPOL_LOCAL, 0));
	EXPECT_EQ(AREA_PAGES, area_hinted(&self->a));
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&self->a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_MARKED]);
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, area_bad(&self->a));
}

/* A read fault maps up to 16 pages around the accessed page. */
TEST_F(cached, pages_beside_populated_ones_are_a_failure_for_strict)
{
	long mapped;

	page_read(&self->a, AREA_PAGES / 2);
	mapped = AREA_PAGES - area_absent(&self->a);
	ASSERT_LT(0, mapped);
	ASSERT_GT(AREA_PAGES, mapped);
	EXPECT_EQ(-EIO, mark_strict(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(mapped, self->d.v[MOF_MARKED]);
	EXPECT_EQ(mapped, area_hinted(&self->a));
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&self->a);
	EXPECT_EQ(mapped, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

/* The second half of the file is a hole, without cached pages. */
TEST_F(cached, holes_are_no_failure_for_strict)
{
	struct area both, hole;

	ASSERT_EQ(0, ftruncate(self->fd, 2 * area_bytes(&self->a)));
	ASSERT_EQ(0, area_map_file(&both, 2 * AREA_PAGES, RW, MAP_SHARED, self->fd));
	hole = area_part(&both, AREA_PAGES, AREA_PAGES);
	EXPECT_EQ(0, mark_strict(&hole, MPOL_LOCAL, 0));
	EXPECT_EQ(-EIO, mark_strict(&both, MPOL_LOCAL, 0));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, self->d.v[MOF_MARKED]);
	EXPECT_EQ(0, area_not_zero(&hole));
	EXPECT_EQ(0, area_bad(&self->a));
}

static long pages_in_cache(const struct area *a)
{
	unsigned char in[AREA_PAGES];
	long i, found = 0;

	if (mincore(a->base, area_bytes(a), in))
		return -errno;
	for (i = 0; i < a->pages; i++)
		found += in[i] & 1;
	return found;
}

TEST_F(cached, files_without_cached_pages_are_no_failure_for_strict)
{
	struct area a;
	int fd;

	if (variant->disk) {
		ASSERT_EQ(0, posix_fadvise(self->fd, 0, 0, POSIX_FADV_DONTNEED));
		if (pages_in_cache(&self->a))
			SKIP(return, "pages of the file are still cached");
		EXPECT_EQ(0, mark_strict(&self->a, MPOL_LOCAL, 0));
		EXPECT_EQ(0, area_bad(&self->a));
	} else {
		fd = file_open(NULL);
		ASSERT_EQ(0, ftruncate(fd, area_bytes(&self->a)));
		ASSERT_EQ(0, area_map_file(&a, AREA_PAGES, RW, MAP_SHARED, fd));
		EXPECT_EQ(0, mark_strict(&a, MPOL_LOCAL, 0));
		EXPECT_EQ(0, area_not_zero(&a));
	}
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, self->d.v[MOF_MARKED]);
}

/* Several mappings in one process */

/* Map new shared memory on @node @MAPPINGS times, and populate each mapping. */
static int map_often(struct area *a, int node)
{
	int fd = memfd_create("mof", 0), err, i;

	if (fd < 0 || ftruncate(fd, AREA_PAGES * page_size()))
		return -errno;
	err = area_map_file(&a[0], AREA_PAGES, RW, MAP_SHARED, fd) ? :
	      area_place(&a[0], node);
	for (i = 1; i < MAPPINGS && !err; i++) {
		err = area_map_file(&a[i], AREA_PAGES, RW, MAP_SHARED, fd);
		a[i].seed = a[0].seed;
		if (!err)
			area_read(&a[i]);
	}
	close(fd);
	drain_lru();
	return err;
}

static long bad_in_any(const struct area *a)
{
	long bad = 0;
	int i;

	for (i = 0; i < MAPPINGS; i++)
		bad += area_bad(&a[i]);
	return bad;
}

/*
 * Linux 6.12 cannot tell three mappings by one process from mappings by three
 * processes, and migrates neither.
 */
TEST_F(lazy, a_file_mapped_three_times_by_one_process_moves_as_with_the_eager_call)
{
	struct area eager[MAPPINGS], marked[MAPPINGS];
	long moved;

	ASSERT_EQ(0, map_often(eager, self->m.from));
	ASSERT_EQ(0, map_often(marked, self->m.from));
	EXPECT_EQ(0, area_mbind(&eager[0], MPOL_BIND, NODE_MASK(self->m.to), MPOL_MF_MOVE));
	moved = area_on(&eager[0], self->m.to);
	TH_LOG("the eager call moves %ld of %ld pages", moved, AREA_PAGES);
	ASSERT_EQ(0, stats_read(&self->before));
	EXPECT_EQ(0, mark(&marked[0], MPOL_BIND, NODE_MASK(self->m.to)));
	EXPECT_EQ(moved, area_hinted(&marked[0]));
	area_write(&marked[0]);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(moved, self->d.v[MOF_MARKED]);
	EXPECT_EQ(moved, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(moved, area_on(&marked[0], self->m.to));
	EXPECT_EQ(0, bad_in_any(eager) + bad_in_any(marked));
}

TEST_F(lazy, move_all_moves_a_file_mapped_three_times_by_one_process_for_all)
{
	struct area a[MAPPINGS];
	int i;

	ASSERT_EQ(0, map_often(a, self->m.from));
	ASSERT_EQ(0, stats_read(&self->before));
	EXPECT_EQ(0, area_mbind(&a[0], MPOL_BIND, NODE_MASK(self->m.to), MOF_LAZY_MOVE_ALL));
	EXPECT_EQ(AREA_PAGES, area_hinted(&a[0]));
	area_write(&a[0]);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_MARKED]);
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, bad_in_any(a));
	for (i = 0; i < MAPPINGS; i++)
		EXPECT_EQ(AREA_PAGES, area_on(&a[i], self->m.to));
}

/* Masks of nodes */

TEST_F(lazy, a_mask_of_both_nodes_moves_pages_to_the_faulting_node_and_the_eager_call_none)
{
	unsigned long both = NODE_MASK(self->m.from) | NODE_MASK(self->m.to);

	ASSERT_EQ(0, run_on(self->m.to));
	ASSERT_EQ(0, area_mbind(&self->a, MPOL_BIND, both, MPOL_MF_MOVE));
	area_read(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.from));
	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, both));
	EXPECT_EQ(AREA_PAGES, area_hinted(&self->a));
	area_read(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

#include "lib/main.h"
