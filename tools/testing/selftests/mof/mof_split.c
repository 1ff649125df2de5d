// SPDX-License-Identifier: GPL-2.0
/*
 * THPs that are split while marked, and marked base pages that are collapsed
 * into a THP. Marks may get lost, contents may not, and marking again migrates
 * all pages.
 */
#include "lib/test.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

#define KHUGEPAGED	"/sys/kernel/mm/transparent_hugepage/khugepaged/"

FIXTURE(split)
{
	struct machine m;
	struct area a;		/* one THP on m.from */
	struct stats before;
	struct stats d;
};

FIXTURE_SETUP(split)
{
	const char *why = machine_setup_lazy(&self->m);

	if (!why)
		why = thp_missing();
	SKIP_SETUP(return, &self->m, why);
	ASSERT_EQ(0, run_on(self->m.from));
	ASSERT_EQ(0, area_new_thp(&self->a, 1, self->m.from));
	/* Keep khugepaged from collapsing it again. */
	ASSERT_EQ(0, madvise(self->a.base, area_bytes(&self->a), MADV_NOHUGEPAGE));
	ASSERT_EQ(0, stats_read(&self->before));
}

FIXTURE_TEARDOWN_PARENT(split)
{
	machine_restore(&self->m);
}

/* After a split, the remaining part @a has its contents and can move. */
static void check_split(struct __test_metadata *_metadata, const struct machine *m,
			const struct area *a)
{
	struct stats before, d;

	EXPECT_EQ(0, area_smaps_kb(a, "AnonHugePages"));
	ASSERT_EQ(0, run_on(m->to));
	area_read(a);
	EXPECT_EQ(0, area_hinted(a));
	EXPECT_EQ(a->pages, area_on(a, m->from) + area_on(a, m->to));
	EXPECT_EQ(0, area_bad(a));
	drain_lru();
	ASSERT_EQ(0, mark(a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, stats_read(&before));
	area_write(a);
	ASSERT_EQ(0, stats_since(&before, &d));
	EXPECT_EQ(a->pages, area_on(a, m->to));
	EXPECT_EQ(0, area_hinted(a));
	EXPECT_EQ(0, stats_unreconciled(&d));
	EXPECT_EQ(0, area_bad(a));
}

TEST_F(split, of_the_folio_of_a_marked_thp_keeps_contents)
{
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(self->a.pages, area_hinted(&self->a));
	if (split_thps(&self->a))
		SKIP(return, "no debugfs, or may not split huge pages");
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(1, self->d.v[THP_SPLIT_PAGE]);
	EXPECT_EQ(0, area_flagged(&self->a, KPF_COMPOUND_HEAD | KPF_COMPOUND_TAIL));
	check_split(_metadata, &self->m, &self->a);
}

TEST_F(split, by_munmap_of_a_part_of_a_marked_thp_keeps_the_rest)
{
	struct area first = area_part(&self->a, 0, self->a.pages / 2 + 3);

	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, munmap(first.base + area_bytes(&first),
			    area_bytes(&self->a) - area_bytes(&first)));
	check_split(_metadata, &self->m, &first);
}

TEST_F(split, by_mprotect_of_a_part_of_a_marked_thp_keeps_contents)
{
	struct area part = area_part(&self->a, 5, self->a.pages / 2);

	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, mprotect(part.base, area_bytes(&part), PROT_READ));
	area_read(&part);
	ASSERT_EQ(0, mprotect(part.base, area_bytes(&part), PROT_READ | PROT_WRITE));
	check_split(_metadata, &self->m, &self->a);
}

TEST_F(split, by_dontneed_of_a_part_of_a_marked_thp_keeps_the_rest)
{
	struct area part = area_part(&self->a, 7, self->a.pages / 4);

	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, madvise(part.base, area_bytes(&part), MADV_DONTNEED));
	EXPECT_EQ(0, area_not_zero(&part));
	area_fill(&part);
	check_split(_metadata, &self->m, &self->a);
}

TEST_F(split, by_a_policy_for_a_part_of_a_marked_thp_keeps_contents)
{
	struct area part = area_part(&self->a, 0, self->a.pages / 2);

	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, area_mbind(&part, MPOL_BIND, NODE_MASK(self->m.from), 0));
	check_split(_metadata, &self->m, &self->a);
}

TEST_F(split, by_mremap_of_a_part_of_a_marked_thp_keeps_contents)
{
	struct area first = area_part(&self->a, 0, self->a.pages / 2);
	struct area last = area_part(&self->a, first.pages, first.pages);
	struct area target;

	ASSERT_EQ(0, area_map(&target, last.pages));
	target.seed = last.seed;
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(target.base, mremap(last.base, area_bytes(&last), area_bytes(&last),
				      MREMAP_MAYMOVE | MREMAP_FIXED, target.base));
	EXPECT_EQ(0, area_bad(&target));
	check_split(_metadata, &self->m, &first);
	EXPECT_EQ(0, area_bad(&target));
}

/* Collapse: an area of base pages that a THP can replace */

static bool is_thp(const struct area *a)
{
	return area_smaps_kb(a, "AnonHugePages") == area_bytes(a) / 1024;
}

/*
 * Split the THP into base pages, and mark all but one: collapse requires one
 * page that is writable and young.
 */
static int mark_base_pages(const struct area *a, const struct machine *m)
{
	int err;

	madvise(a->base, area_bytes(a), MADV_NOHUGEPAGE);
	err = area_place(a, m->from);
	madvise(a->base, area_bytes(a), MADV_HUGEPAGE);
	if (!err)
		err = mark(a, MPOL_LOCAL, 0);
	page_write(a, 0);
	return err;
}

static void check_thp(struct __test_metadata *_metadata, const struct machine *m,
		      const struct area *a)
{
	struct stats before, d;

	EXPECT_EQ(0, area_hinted(a));
	EXPECT_EQ(0, area_bad(a));
	drain_lru();
	ASSERT_EQ(0, area_mbind(a, MPOL_BIND, NODE_MASK(m->to), MOF_LAZY_MOVE));
	ASSERT_EQ(0, stats_read(&before));
	page_read(a, 9);
	ASSERT_EQ(0, stats_since(&before, &d));
	EXPECT_EQ(1, d.v[MOF_MIGRATED_THP]);
	EXPECT_EQ(a->pages, area_on(a, m->to));
	EXPECT_TRUE(is_thp(a));
	EXPECT_EQ(0, area_bad(a));
}

/* Memory may be short, or a page busy; but marks alone must not prevent it. */
TEST_F(split, and_collapsed_while_marked_it_has_its_contents_and_moves_as_one)
{
	int err;

	ASSERT_EQ(0, mark_base_pages(&self->a, &self->m));
	EXPECT_LT(self->a.pages / 2, area_hinted(&self->a));
	err = madvise(self->a.base, area_bytes(&self->a), MADV_COLLAPSE) ? errno : 0;
	if (err == ENOMEM || err == EAGAIN || err == EBUSY)
		SKIP_UNLESS_FAILED(return, "MADV_COLLAPSE: %s", strerror(err));
	ASSERT_EQ(0, err);
	EXPECT_TRUE(is_thp(&self->a));
	check_thp(_metadata, &self->m, &self->a);
}

static bool khugepaged_collapses(const struct area *a)
{
	int looks;

	for (looks = 0; looks < 300 && !is_thp(a); looks++)
		usleep(100000);
	return is_thp(a);
}

TEST_F(split, and_collapsed_by_khugepaged_while_marked_it_has_its_contents)
{
	long scan = read_long(KHUGEPAGED "scan_sleep_millisecs");
	long alloc = read_long(KHUGEPAGED "alloc_sleep_millisecs");

	if (scan < 0)
		SKIP(return, "kernel without khugepaged");
	ASSERT_EQ(0, mark_base_pages(&self->a, &self->m));
	EXPECT_LT(self->a.pages / 2, area_hinted(&self->a));
	write_long(KHUGEPAGED "alloc_sleep_millisecs", 10);
	write_long(KHUGEPAGED "scan_sleep_millisecs", 10);
	EXPECT_TRUE(khugepaged_collapses(&self->a));
	write_long(KHUGEPAGED "alloc_sleep_millisecs", alloc);
	write_long(KHUGEPAGED "scan_sleep_millisecs", scan);
	check_thp(_metadata, &self->m, &self->a);
}

/* No page is writable, so collapse leaves them, and the marks stay. */
TEST_F(split, and_marked_throughout_base_pages_are_right_whatever_collapse_does)
{
	ASSERT_EQ(0, mark_base_pages(&self->a, &self->m));
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	EXPECT_EQ(self->a.pages, area_hinted(&self->a));
	madvise(self->a.base, area_bytes(&self->a), MADV_COLLAPSE);
	ASSERT_EQ(0, run_on(self->m.to));
	area_write(&self->a);
	EXPECT_EQ(0, area_hinted(&self->a));
	EXPECT_EQ(self->a.pages, area_on(&self->a, self->m.from) +
				 area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

#include "lib/main.h"
