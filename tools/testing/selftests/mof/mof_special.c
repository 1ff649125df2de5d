// SPDX-License-Identifier: GPL-2.0
/*
 * Pages that cannot be marked, or cannot migrate at the time of the touch: zero
 * page, KSM, memfd_secret, hugetlb, pinned, referenced, shared; and MPOL_MF_STRICT.
 */
#include <fcntl.h>
#include <sys/syscall.h>

#include "lib/test.h"

#define KSM		"/sys/kernel/mm/ksm/"
#define HUGEPAGES	"/proc/sys/vm/nr_hugepages"

TEST_F(lazy, the_zero_page_is_not_marked)
{
	struct area zero;

	ASSERT_EQ(0, area_map(&zero, AREA_PAGES));
	area_read(&zero);
	ASSERT_EQ(0, stats_read(&self->before));
	EXPECT_EQ(0, area_mbind(&zero, MPOL_BIND, NODE_MASK(self->m.to),
				MOF_LAZY_MOVE_ALL | MPOL_MF_STRICT));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, self->d.v[MOF_MARKED]);
	EXPECT_EQ(0, area_not_zero(&zero));
	area_fill(&zero);
	EXPECT_EQ(AREA_PAGES, area_on(&zero, self->m.to));
	EXPECT_EQ(0, area_bad(&zero));
}

/* Wait until KSM has merged @pages of this process, for 20 s at most. */
static bool ksm_merged(long pages)
{
	int looks;

	for (looks = 0; looks < 200; looks++) {
		if (read_long("/proc/self/ksm_merging_pages") >= pages)
			return true;
		usleep(100000);
	}
	return false;
}

static bool ksm_start(void)
{
	return !write_long(KSM "run", 1) && !write_long(KSM "pages_to_scan", 10000) &&
	       !write_long(KSM "sleep_millisecs", 10);
}

TEST_F(lazy, ksm_pages_are_not_marked)
{
	struct area twin;

	if (read_long(KSM "run") < 0)
		SKIP(return, "kernel without KSM");
	ASSERT_EQ(0, area_new(&twin, AREA_PAGES, self->m.from));
	twin.seed = self->a.seed;
	area_fill(&twin);
	ASSERT_EQ(0, madvise(self->a.base, area_bytes(&self->a), MADV_MERGEABLE));
	ASSERT_EQ(0, madvise(twin.base, area_bytes(&twin), MADV_MERGEABLE));
	ASSERT_TRUE(ksm_start());
	EXPECT_TRUE(ksm_merged(2 * AREA_PAGES));
	write_long(KSM "run", 0);
	EXPECT_EQ(0, stats_read(&self->before));
	EXPECT_EQ(0, area_mbind(&self->a, MPOL_BIND, NODE_MASK(self->m.to),
				MOF_LAZY_MOVE_ALL));
	EXPECT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, self->d.v[MOF_MARKED]);
	EXPECT_EQ(0, area_bad(&self->a));
	EXPECT_EQ(0, area_bad(&twin));
	write_long(KSM "run", 2);
	write_long(KSM "run", 0);
	EXPECT_EQ(0, area_bad(&self->a));
	EXPECT_EQ(0, area_bad(&twin));
}

/* Marked pages may become KSM pages: they stay whole, and readable. */
TEST_F(lazy, marked_pages_that_ksm_merges_keep_their_contents)
{
	struct area twin;

	if (read_long(KSM "run") < 0)
		SKIP(return, "kernel without KSM");
	ASSERT_EQ(0, area_new(&twin, AREA_PAGES, self->m.from));
	twin.seed = self->a.seed;
	area_fill(&twin);
	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	ASSERT_EQ(AREA_PAGES, area_hinted(&self->a));
	ASSERT_EQ(0, mark(&twin, MPOL_BIND, NODE_MASK(self->m.to)));
	ASSERT_EQ(0, madvise(self->a.base, area_bytes(&self->a), MADV_MERGEABLE));
	ASSERT_EQ(0, madvise(twin.base, area_bytes(&twin), MADV_MERGEABLE));
	ASSERT_TRUE(ksm_start());
	ksm_merged(2 * AREA_PAGES);
	write_long(KSM "run", 0);
	area_read(&self->a);
	area_read(&twin);
	EXPECT_EQ(0, area_bad(&self->a));
	EXPECT_EQ(0, area_bad(&twin));
	write_long(KSM "run", 2);
	write_long(KSM "run", 0);
	EXPECT_EQ(0, area_bad(&self->a));
	EXPECT_EQ(0, area_bad(&twin));
}

/* Allocate and fill one huge page of hugetlbfs; hugetlb_free() needs @had. */
static const char *hugetlb_page(struct area *huge, long *had)
{
	long bytes = read_long("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size");

	*had = read_long(HUGEPAGES);
	if (*had < 0 || bytes <= 0)
		return "kernel without hugetlb";
	write_long(HUGEPAGES, *had + 8);
	*huge = (struct area) { .pages = bytes / page_size(), .seed = 77 };
	huge->base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (huge->base == MAP_FAILED) {
		write_long(HUGEPAGES, *had);
		return "no memory for a hugetlb page";
	}
	area_fill(huge);
	return NULL;
}

static void hugetlb_free(struct area *huge, long had)
{
	munmap(huge->base, area_bytes(huge));
	write_long(HUGEPAGES, had);
}

TEST_F(lazy, pages_of_memfd_secret_are_not_marked)
{
	struct area secret;
	int fd = syscall(SYS_memfd_secret, 0);

	if (fd < 0)
		SKIP(return, "kernel without memfd_secret()");
	ASSERT_EQ(0, ftruncate(fd, AREA_PAGES * page_size()));
	ASSERT_EQ(0, area_map_file(&secret, AREA_PAGES, PROT_READ | PROT_WRITE,
				   MAP_SHARED, fd));
	ASSERT_EQ(0, run_on(self->m.from));
	area_fill(&secret);
	EXPECT_EQ(0, stats_read(&self->before));
	EXPECT_EQ(0, area_mbind(&secret, MPOL_BIND, NODE_MASK(self->m.to),
				MOF_LAZY_MOVE_ALL));
	EXPECT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, self->d.v[MOF_MARKED]);
	EXPECT_EQ(0, area_bad(&secret));
	close(fd);
}

TEST_F(lazy, hugetlb_pages_are_not_marked)
{
	struct area huge;
	long had;
	const char *why = hugetlb_page(&huge, &had);

	SKIP_IF(return, why);
	EXPECT_EQ(0, stats_read(&self->before));
	EXPECT_EQ(0, area_mbind(&huge, MPOL_LOCAL, 0, MOF_LAZY_MOVE));
	EXPECT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, self->d.v[MOF_MARKED]);
	EXPECT_EQ(0, area_bad(&huge));
	hugetlb_free(&huge, had);
}

TEST_F(lazy, strict_tells_of_hugetlb_pages_on_other_nodes_only)
{
	struct area huge;
	long had;
	int node, other;

	SKIP_IF(return, hugetlb_page(&huge, &had));
	node = page_node(&huge, 0);
	other = node == self->m.to ? self->m.from : self->m.to;
	EXPECT_EQ(0, stats_read(&self->before));
	EXPECT_EQ(0, area_mbind(&huge, MPOL_BIND, NODE_MASK(node),
				MOF_LAZY_MOVE | MPOL_MF_STRICT));
	EXPECT_EQ(-EIO, area_mbind(&huge, MPOL_BIND, NODE_MASK(other),
				   MOF_LAZY_MOVE | MPOL_MF_STRICT));
	EXPECT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, self->d.v[MOF_MARKED]);
	EXPECT_EQ(node, page_node(&huge, 0));
	EXPECT_EQ(0, area_bad(&huge));
	hugetlb_free(&huge, had);
}

/* Half of the area is pinned before the call, which marks the other half. */
TEST_F(lazy, pages_pinned_before_are_not_marked)
{
	struct area first = area_part(&self->a, 0, AREA_PAGES / 2);
	struct area last = area_part(&self->a, AREA_PAGES / 2, AREA_PAGES / 2);
	int pins = pin_pages(&first);

	SKIP_UNLESS_PINNED(return, pins);
	ASSERT_EQ(0, stats_read(&self->before));
	EXPECT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(last.pages, self->d.v[MOF_MARKED]);
	area_write(&self->a);
	EXPECT_EQ(first.pages, area_on(&first, self->m.from));
	EXPECT_EQ(last.pages, area_on(&last, self->m.to));
	close(pins);
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, strict_returns_eio_for_pinned_pages_and_marks_the_rest)
{
	struct area first = area_part(&self->a, 0, AREA_PAGES / 2);
	struct area last = area_part(&self->a, AREA_PAGES / 2, AREA_PAGES / 2);
	int pins = pin_pages(&first);
	unsigned long nodes;
	int mode;

	SKIP_UNLESS_PINNED(return, pins);
	ASSERT_EQ(0, stats_read(&self->before));
	EXPECT_EQ(-EIO, area_mbind(&self->a, MPOL_BIND, NODE_MASK(self->m.to),
				   MOF_LAZY_MOVE | MPOL_MF_STRICT));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(last.pages, self->d.v[MOF_MARKED]);
	ASSERT_EQ(0, area_policy(&self->a, &mode, &nodes));
	EXPECT_EQ(MPOL_BIND, mode);
	EXPECT_EQ(NODE_MASK(self->m.to), nodes);
	area_write(&self->a);
	EXPECT_EQ(first.pages, area_on(&first, self->m.from));
	EXPECT_EQ(last.pages, area_on(&last, self->m.to));
	close(pins);
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, strict_accepts_pinned_pages_that_are_in_place)
{
	int pins = pin_pages(&self->a);

	SKIP_UNLESS_PINNED(return, pins);
	EXPECT_EQ(0, area_mbind(&self->a, MPOL_BIND, NODE_MASK(self->m.from),
				MOF_LAZY_MOVE | MPOL_MF_STRICT));
	close(pins);
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, default_policy_ignores_strict)
{
	int pins = pin_pages(&self->a);

	SKIP_UNLESS_PINNED(return, pins);
	EXPECT_EQ(0, area_mbind(&self->a, MPOL_DEFAULT, 0,
				MOF_LAZY_MOVE | MPOL_MF_STRICT));
	close(pins);
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, unpinned_pages_can_be_marked_and_move)
{
	int pins = pin_pages(&self->a);

	SKIP_UNLESS_PINNED(return, pins);
	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	close(pins);
	/* A worker tears down the ring asynchronously. */
	for (int tries = 0; tries < 100 && area_hinted(&self->a) < AREA_PAGES; tries++) {
		usleep(50000);
		ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	}
	area_write(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

/*
 * Pin between call and touch. As pinning for DMA counts as a write, and so as a
 * touch, pin through another mapping of the same memory, and unmap that.
 */
TEST_F(lazy, pages_pinned_between_call_and_touch_stay)
{
	int fd = memfd_create("mof", 0);
	struct area a, second;
	int pins;

	ASSERT_EQ(0, ftruncate(fd, AREA_PAGES * page_size()));
	ASSERT_EQ(0, area_map_file(&a, AREA_PAGES, PROT_READ | PROT_WRITE, MAP_SHARED, fd));
	ASSERT_EQ(0, area_place(&a, self->m.from));
	ASSERT_EQ(0, mark(&a, MPOL_BIND, NODE_MASK(self->m.to)));
	ASSERT_EQ(AREA_PAGES, area_hinted(&a));
	ASSERT_EQ(0, area_map_file(&second, AREA_PAGES, PROT_READ | PROT_WRITE,
				   MAP_SHARED, fd));
	pins = pin_pages(&second);
	SKIP_UNLESS_PINNED(return, pins);
	area_free(&second);

	ASSERT_EQ(0, stats_read(&self->before));
	area_write(&a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, area_on(&a, self->m.from));
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_RESOLVED]);
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_FAILED_PINNED]);
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	close(pins);
	EXPECT_EQ(0, area_bad(&a));
}

/* Registering a buffer counts as a write: a touch, then a pin. */
TEST_F(lazy, pinning_a_marked_page_moves_it_first)
{
	int pins;

	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	pins = pin_pages(&self->a);
	SKIP_UNLESS_PINNED(return, pins);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_hinted(&self->a));
	close(pins);
	EXPECT_EQ(0, area_bad(&self->a));
}

/* A pipe holds plain references. */
#define PIPE_PAGES	8L

/*
 * An access to a busy page faults once more, as the page may be busy for a
 * moment only. The stock code, which serves faults without a window, maps it at
 * once.
 */
static long touches_again(void)
{
	return faults_are_single() ? 0 : 1;
}

TEST_F(lazy, a_referenced_page_is_tried_twice_and_stays)
{
	long again = touches_again();
	struct area one;
	int ends[2];

	ASSERT_EQ(0, area_new(&one, 1, self->m.from));
	ASSERT_EQ(0, mark(&one, MPOL_LOCAL, 0));
	ASSERT_EQ(0, hold_pages(&one, ends));
	ASSERT_EQ(1, area_hinted(&one));
	ASSERT_EQ(0, run_on(self->m.to));
	ASSERT_EQ(0, stats_read(&self->before));
	page_write(&one, 0);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(1 + again, self->d.v[MOF_FAULTS]);
	EXPECT_EQ(again, self->d.v[MOF_RETRIED]);
	EXPECT_EQ(1, self->d.v[MOF_FAILED_BUSY]);
	EXPECT_EQ(1, self->d.v[MOF_RESOLVED]);
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(self->m.from, page_node(&one, 0));
	EXPECT_EQ(0, area_hinted(&one));
	release_pages(ends);
	EXPECT_EQ(0, area_bad(&one));
}

TEST_F(lazy, pages_referenced_by_a_pipe_stay_and_keep_their_contents)
{
	struct area some = area_part(&self->a, 0, PIPE_PAGES);
	struct area seen = some;
	int ends[2];

	ASSERT_EQ(0, mark(&some, MPOL_BIND, NODE_MASK(self->m.to)));
	ASSERT_EQ(0, hold_pages(&some, ends));
	EXPECT_EQ(PIPE_PAGES, area_hinted(&self->a));
	ASSERT_EQ(0, stats_read(&self->before));
	area_read(&some);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(PIPE_PAGES, area_on(&some, self->m.from));
	EXPECT_EQ(PIPE_PAGES * touches_again(), self->d.v[MOF_RETRIED]);
	EXPECT_EQ(PIPE_PAGES, self->d.v[MOF_RESOLVED]);
	EXPECT_EQ(PIPE_PAGES, self->d.v[MOF_FAILED_BUSY]);
	EXPECT_EQ(0, stats_unreconciled(&self->d));

	seen.base = malloc(area_bytes(&some));
	EXPECT_EQ(area_bytes(&some), read(ends[0], seen.base, area_bytes(&some)));
	release_pages(ends);
	EXPECT_EQ(0, area_bad(&seen));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, pages_move_once_the_pipe_has_let_go)
{
	struct area some = area_part(&self->a, 0, PIPE_PAGES);
	int ends[2];

	ASSERT_EQ(0, hold_pages(&some, ends));
	release_pages(ends);
	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	EXPECT_EQ(AREA_PAGES, area_hinted(&self->a));
	area_write(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

/* No memory on the target */

TEST_F(lazy, without_memory_on_the_target_pages_stay_and_the_touch_succeeds)
{
	struct area hog = { 0 };
	const char *why = thp_missing();

	SKIP_IF(return, why);
	why = fill_node(&hog, self->m.to);
	if (why) {
		empty_node(&hog, self->m.to);
		SKIP(return, "%s", why);
	}
	EXPECT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	EXPECT_EQ(AREA_PAGES, area_hinted(&self->a));
	EXPECT_EQ(0, stats_read(&self->before));
	area_write(&self->a);
	EXPECT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_RESOLVED]);
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_MIGRATED] + self->d.v[MOF_FAILED_NOMEM]);
	EXPECT_LT(0, self->d.v[MOF_FAILED_NOMEM]);
	EXPECT_EQ(self->d.v[MOF_MIGRATED], area_on(&self->a, self->m.to));
	EXPECT_EQ(self->d.v[MOF_FAILED_NOMEM], area_on(&self->a, self->m.from));
	EXPECT_EQ(0, area_hinted(&self->a));
	empty_node(&hog, self->m.to);
	EXPECT_EQ(0, area_bad(&self->a));
}

#include "lib/main.h"
