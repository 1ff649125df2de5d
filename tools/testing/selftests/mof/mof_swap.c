// SPDX-License-Identifier: GPL-2.0
/*
 * Marked pages and swap: they are swapped out like others, and come back by
 * policy.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "lib/test.h"

#define GENERATIONS	"/sys/kernel/mm/lru_gen/enabled"

FIXTURE(swap)
{
	struct machine m;
	bool generations;	/* saved setting of the multi-gen LRU */
	struct swap swap;
	struct area a;
	struct stats before;
	struct stats d;
};

/* Reclaim with active and inactive lists, or with the multi-gen LRU. */
FIXTURE_VARIANT(swap)
{
	bool generations;
};

FIXTURE_VARIANT_ADD(swap, lists) {
	.generations = false,
};

FIXTURE_VARIANT_ADD(swap, generations) {
	.generations = true,
};

/* The lowest bit enables it; others enable optional parts. */
static bool uses_generations(void)
{
	char text[16] = "";
	FILE *f = fopen(GENERATIONS, "r");

	if (f) {
		fgets(text, sizeof(text), f);
		fclose(f);
	}
	return strtol(text, NULL, 0) & 1;
}

static const char *use_generations(bool yes)
{
	if (uses_generations() == yes)
		return NULL;
	return write_text(GENERATIONS, yes ? "y" : "n") ? "kernel without CONFIG_LRU_GEN" : NULL;
}

FIXTURE_SETUP(swap)
{
	const char *why = machine_setup_lazy(&self->m);

	self->generations = uses_generations();
	if (!why)
		why = use_generations(variant->generations);
	if (!why)
		why = swap_enable(&self->swap);
	SKIP_SETUP(return, &self->m, why);
	ASSERT_EQ(0, area_begin(&self->a, AREA_PAGES, &self->m, &self->before));
}

FIXTURE_TEARDOWN_PARENT(swap)
{
	use_generations(self->generations);
	swap_disable(&self->swap);
	machine_restore(&self->m);
}

static int page_out(const struct area *a)
{
	return madvise(a->base, area_bytes(a), MADV_PAGEOUT) ? -errno : 0;
}

TEST_F(swap, marked_pages_go_out_and_come_back_on_the_right_node)
{
	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	ASSERT_EQ(AREA_PAGES, area_hinted(&self->a));
	ASSERT_EQ(0, page_out(&self->a));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, area_absent(&self->a));
	EXPECT_LE(AREA_PAGES, self->d.v[PSWPOUT]);
	EXPECT_EQ(0, area_hinted(&self->a));
	area_read(&self->a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_LE(AREA_PAGES, self->d.v[PSWPIN]);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, self->d.v[MOF_RESOLVED]);
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(swap, marked_pages_come_back_on_the_faulting_node)
{
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(AREA_PAGES, area_hinted(&self->a));
	ASSERT_EQ(0, page_out(&self->a));
	ASSERT_EQ(AREA_PAGES, area_absent(&self->a));
	ASSERT_EQ(0, run_on(self->m.to));
	area_write(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(swap, pages_that_are_out_are_not_marked)
{
	ASSERT_EQ(0, page_out(&self->a));
	ASSERT_EQ(AREA_PAGES, area_absent(&self->a));
	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, self->d.v[MOF_MARKED]);
	EXPECT_EQ(AREA_PAGES, area_absent(&self->a));
	EXPECT_EQ(0, area_bad(&self->a));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
}

/* Swapped in and not written: they may still be in the swap cache. */
TEST_F(swap, pages_just_swapped_in_move_and_go_out_again)
{
	ASSERT_EQ(0, page_out(&self->a));
	area_read(&self->a);
	drain_lru();
	ASSERT_EQ(AREA_PAGES, area_on(&self->a, self->m.from));
	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	area_read(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	drain_lru();
	ASSERT_EQ(0, page_out(&self->a));
	EXPECT_EQ(AREA_PAGES, area_absent(&self->a));
	EXPECT_EQ(0, area_bad(&self->a));
}

/* The group is made to reclaim more than its usage. */
TEST_F(swap, marked_pages_go_out_under_pressure_and_come_back)
{
	struct cgroup cg;
	int tries;

	SKIP_IF(return, cgroup_enter(&cg, "+memory"));
	area_free(&self->a);
	EXPECT_EQ(0, area_new(&self->a, 4 * AREA_PAGES, self->m.from));
	EXPECT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	EXPECT_EQ(self->a.pages, area_hinted(&self->a));
	for (tries = 0; tries < 10 && area_absent(&self->a) < self->a.pages; tries++)
		cgroup_write(&cg, "memory.reclaim", "4M");
	EXPECT_EQ(self->a.pages, area_absent(&self->a) + area_on(&self->a, self->m.from));
	EXPECT_LT(self->a.pages / 2, area_absent(&self->a));
	area_read(&self->a);
	EXPECT_EQ(self->a.pages, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
	cgroup_leave(&cg);
}

TEST_F(swap, half_out_and_half_marked_all_end_on_the_target)
{
	struct area first = area_part(&self->a, 0, AREA_PAGES / 2);

	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	ASSERT_EQ(0, page_out(&first));
	EXPECT_EQ(first.pages, area_absent(&self->a));
	EXPECT_EQ(AREA_PAGES - first.pages, area_hinted(&self->a));
	area_write(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(swap, a_marked_thp_goes_out_and_comes_back_right)
{
	struct area thp;

	SKIP_IF(return, thp_missing());
	ASSERT_EQ(0, area_new_thp(&thp, 1, self->m.from));
	ASSERT_EQ(0, mark(&thp, MPOL_BIND, NODE_MASK(self->m.to)));
	ASSERT_EQ(thp.pages, area_hinted(&thp));
	ASSERT_EQ(0, page_out(&thp));
	EXPECT_LT(thp.pages / 2, area_absent(&thp));
	area_read(&thp);
	EXPECT_EQ(0, area_hinted(&thp));
	EXPECT_EQ(0, area_bad(&thp));
	EXPECT_EQ(thp.pages, area_on(&thp, self->m.to));
	area_free(&thp);
}

#include "lib/main.h"
