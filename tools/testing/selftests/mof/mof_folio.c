// SPDX-License-Identifier: GPL-2.0
/*
 * Large folios mapped by PTEs: fully marked folios migrate as a whole and are
 * never split; contents are right in any case. One variant per folio size.
 */
#include "lib/test.h"

#define THP_DIR		"/sys/kernel/mm/transparent_hugepage/"

/**
 * struct sized - folios of one size
 * @pages:	base pages of each folio
 * @splits:	number of splits before the test
 * @dir:	directory of this size in sysfs
 */
struct sized {
	long pages;
	long splits;
	char dir[80];
};

FIXTURE(folio)
{
	struct machine m;
	struct sized of;
	struct area a;		/* folios of this size, on m.from */
	struct stats before;
	struct stats d;
};

FIXTURE_VARIANT(folio)
{
	long kb;
};

FIXTURE_VARIANT_ADD(folio, of_16kB) {
	.kb = 16,
};

FIXTURE_VARIANT_ADD(folio, of_64kB) {
	.kb = 64,
};

FIXTURE_VARIANT_ADD(folio, of_256kB) {
	.kb = 256,
};

FIXTURE_VARIANT_ADD(folio, of_1024kB) {
	.kb = 1024,
};

#define FOLIOS	4L

static int folio_set(const char *dir, const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	return write_text(path, text);
}

/* Are the @pages pages from @first on a whole folio? */
static bool one_folio(const struct area *a, long first, long pages)
{
	long pfn = page_pfn(a, first);
	long i;

	if (pfn < 0 || !(pfn_flags(pfn) & KPF_COMPOUND_HEAD))
		return false;
	for (i = 1; i < pages; i++)
		if (page_pfn(a, first + i) != pfn + i ||
		    !(pfn_flags(pfn + i) & KPF_COMPOUND_TAIL))
			return false;
	return !(pfn_flags(pfn + pages) & KPF_COMPOUND_TAIL);
}

/* Number of folios of exactly @pages pages in the area. */
static long area_folios(const struct area *a, long pages)
{
	long found = 0;
	long i;

	for (i = 0; i + pages <= a->pages; i += pages)
		found += one_folio(a, i, pages);
	return found;
}

/* Number of splits of folios of this size so far. */
static long folio_splits(const char *dir)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/stats/split", dir);
	return read_long(path);
}

/* Map an area of @nr folios of one size; compaction may be needed first. */
static int folios_new(struct area *a, const char *dir, long pages, long nr, int node)
{
	int err, try;

	err = area_map_file(a, thp_pages(), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1);
	if (err)
		return err;
	a->pages = nr * pages < thp_pages() ? nr * pages : thp_pages();
	if (folio_set(dir, "enabled", "always"))
		return -ENOENT;
	for (try = 0; try < 3; try++) {
		err = area_place(a, node);
		if (!err && area_folios(a, pages) == a->pages / pages)
			break;
		err = -ENOMEM;
		write_long("/proc/sys/vm/compact_memory", 1);
	}
	folio_set(dir, "enabled", "never");
	return err;
}

FIXTURE_SETUP(folio)
{
	const char *why = machine_setup_lazy(&self->m);
	int err;

	if (!why && thp_size() <= 0)
		why = thp_missing();
	snprintf(self->of.dir, sizeof(self->of.dir), THP_DIR "hugepages-%ldkB", variant->kb);
	if (!why && access(self->of.dir, F_OK))
		why = "kernel without folios of this size";
	SKIP_SETUP(return, &self->m, why);
	self->of.pages = variant->kb * 1024 / page_size();
	ASSERT_EQ(0, run_on(self->m.from));
	err = folios_new(&self->a, self->of.dir, self->of.pages, FOLIOS, self->m.from);
	ASSERT_EQ(0, err);
	self->of.splits = folio_splits(self->of.dir);
	ASSERT_EQ(0, stats_read(&self->before));
}

FIXTURE_TEARDOWN_PARENT(folio)
{
	folio_set(self->of.dir, "enabled", "never");
	machine_restore(&self->m);
}

/* Checks after all folios of the area have moved. */
static void check_moved(struct __test_metadata *_metadata, const struct area *a, int node,
			const struct sized *of, const struct stats *before)
{
	struct stats d;

	ASSERT_EQ(0, stats_since(before, &d));
	EXPECT_EQ(a->pages, area_on(a, node));
	EXPECT_EQ(a->pages / of->pages, area_folios(a, of->pages));
	EXPECT_EQ(of->splits, folio_splits(of->dir));
	EXPECT_EQ(0, d.v[THP_SPLIT_PAGE]);
	EXPECT_EQ(0, area_hinted(a));
	EXPECT_EQ(0, stats_failed(&d));
	EXPECT_EQ(0, stats_unreconciled(&d));
	EXPECT_EQ(0, area_bad(a));
}

TEST_F(folio, marked_whole_they_move_whole_when_each_page_is_read)
{
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	EXPECT_EQ(self->a.pages, area_hinted(&self->a));
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&self->a);
	check_moved(_metadata, &self->a, self->m.to, &self->of, &self->before);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(self->a.pages, self->d.v[MOF_MIGRATED]);
}

/* Migration puts them on the deferred split list; they must not stay there. */
TEST_F(folio, they_move_whole_again_and_again)
{
	int round, node;

	if (!read_long(WINDOW))
		SKIP(return, "stock migration splits folios that it has moved before");
	for (round = 0; round < 4; round++) {
		node = round % 2 ? self->m.from : self->m.to;
		ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
		ASSERT_EQ(0, run_on(node));
		area_read(&self->a);
		check_moved(_metadata, &self->a, node, &self->of, &self->before);
		drain_lru();
	}
}

TEST_F(folio, marked_whole_they_move_whole_when_each_page_is_written)
{
	struct area new = self->a;

	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	new.seed += 2;
	area_fill(&new);
	check_moved(_metadata, &new, self->m.to, &self->of, &self->before);
}

/* Touched from last to first, so that no run precedes any touch. */
TEST_F(folio, marked_whole_they_move_whole_when_touched_backwards)
{
	long i;

	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	for (i = self->a.pages - 1; i >= 0; i--)
		page_read(&self->a, i);
	check_moved(_metadata, &self->a, self->m.to, &self->of, &self->before);
}

TEST_F(folio, one_touch_of_each_moves_all_of_it)
{
	long i;

	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	for (i = 0; i < self->a.pages; i += self->of.pages)
		page_read(&self->a, i + self->of.pages / 2);
	EXPECT_EQ(self->a.pages, area_on(&self->a, self->m.to));
	area_read(&self->a);
	check_moved(_metadata, &self->a, self->m.to, &self->of, &self->before);
}

/* Half of each folio has lost its mark: it migrates whole or not at all. */
TEST_F(folio, marked_in_part_they_stay_in_one_piece)
{
	long i, on;

	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	for (i = 0; i < self->a.pages; i += self->of.pages) {
		struct area half = area_part(&self->a, i, self->of.pages / 2);

		ASSERT_EQ(0, mprotect(half.base, area_bytes(&half), PROT_READ));
		area_read(&half);
		ASSERT_EQ(0, mprotect(half.base, area_bytes(&half),
				      PROT_READ | PROT_WRITE));
	}
	ASSERT_EQ(0, run_on(self->m.to));
	area_write(&self->a);
	EXPECT_EQ(self->a.pages / self->of.pages, area_folios(&self->a, self->of.pages));
	EXPECT_EQ(self->of.splits, folio_splits(self->of.dir));
	on = area_on(&self->a, self->m.to);
	EXPECT_EQ(0, on % self->of.pages);
	EXPECT_EQ(self->a.pages - on, area_on(&self->a, self->m.from));
	EXPECT_EQ(0, area_hinted(&self->a));
	EXPECT_EQ(0, area_bad(&self->a));
}

/* The range covers half of each folio, which splits the VMA there. */
TEST_F(folio, in_two_vmas_they_keep_contents)
{
	struct area part = area_part(&self->a, self->of.pages / 2, self->a.pages - self->of.pages);

	ASSERT_EQ(0, mark(&part, MPOL_BIND, NODE_MASK(self->m.to)));
	area_write(&self->a);
	EXPECT_EQ(0, area_hinted(&self->a));
	EXPECT_EQ(self->a.pages, area_on(&self->a, self->m.to) +
				 area_on(&self->a, self->m.from));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, area_bad(&self->a));
}

/* The mapped part keeps its contents, whether migrated, split or neither. */
TEST_F(folio, partly_unmapped_they_keep_the_rest)
{
	struct area first = area_part(&self->a, 0, self->of.pages / 2 + 1);
	struct area last = area_part(&self->a, self->of.pages, self->a.pages - self->of.pages);
	struct area gap = area_part(&self->a, first.pages, self->of.pages - first.pages);

	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, munmap(gap.base, area_bytes(&gap)));
	ASSERT_EQ(0, run_on(self->m.to));
	area_write(&first);
	area_write(&last);
	EXPECT_EQ(last.pages, area_on(&last, self->m.to));
	EXPECT_EQ(first.pages, area_on(&first, self->m.to) +
			       area_on(&first, self->m.from));
	EXPECT_EQ(0, area_hinted(&last));
	EXPECT_EQ(0, area_bad(&first));
	EXPECT_EQ(0, area_bad(&last));
}

/* The window behind a long run spans two of the smallest folios. */
TEST_F(folio, without_a_page_they_wait_for_their_own_touch)
{
	struct area all, run, rest, part;

	if (32 * (self->of.pages + 1) > thp_pages() / 2)
		SKIP(return, "no window spans folios of this size");
	ASSERT_EQ(0, folios_new(&all, self->of.dir, self->of.pages,
				thp_pages() / self->of.pages, self->m.from));
	run = area_part(&all, 0, thp_pages() / 2);
	rest = area_part(&all, run.pages, 2 * self->of.pages);
	part = area_part(&rest, self->of.pages, self->of.pages);
	ASSERT_EQ(0, madvise(part.base + (part.pages - 1) * page_size(), page_size(),
			     MADV_DONTNEED));
	drain_lru();
	ASSERT_EQ(0, mark(&run, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&run);
	EXPECT_EQ(run.pages, area_on(&run, self->m.to));
	ASSERT_EQ(0, mark(&rest, MPOL_LOCAL, 0));
	page_read(&rest, 0);
	EXPECT_EQ(self->of.pages, area_on(&rest, self->m.to));
	EXPECT_EQ(self->of.pages - 1, area_hinted(&rest));
	page_read(&part, 0);
	EXPECT_EQ(0, area_hinted(&rest));
}

TEST_F(folio, shared_ones_move_with_move_all_for_both)
{
	int go[2];
	pid_t pid = sharer_start(&self->a, go);

	ASSERT_LT(0, pid);
	ASSERT_EQ(0, stats_read(&self->before));
	ASSERT_EQ(0, area_mbind(&self->a, MPOL_BIND, NODE_MASK(self->m.to),
				MOF_LAZY_MOVE_ALL));
	area_read(&self->a);
	EXPECT_EQ(self->a.pages, area_on_as(&self->a, self->m.to, pid));
	check_moved(_metadata, &self->a, self->m.to, &self->of, &self->before);
	EXPECT_EQ(0, sharer_verdict(pid, go));
}

TEST_F(folio, shared_ones_stay_without_move_all)
{
	int go[2];
	pid_t pid;

	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	pid = sharer_start(&self->a, go);
	ASSERT_LT(0, pid);
	area_read(&self->a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(self->a.pages, area_on(&self->a, self->m.from));
	EXPECT_EQ(self->a.pages / self->of.pages, area_folios(&self->a, self->of.pages));
	EXPECT_EQ(0, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, sharer_verdict(pid, go));
	EXPECT_EQ(0, area_bad(&self->a));
}

/* A failed migration leaves folios partly unmapped: they may be split. */
TEST_F(folio, writes_beside_a_marker_are_not_lost)
{
	struct crew c = { .a = &self->a, .m = &self->m, .times = 1 };

	ASSERT_EQ(0, crew_run(&c));
	EXPECT_EQ(0, c.lost);
	area_read(&self->a);
	EXPECT_EQ(0, area_hinted(&self->a));
	EXPECT_EQ(0, area_bad(&self->a));
}

#include "lib/main.h"
