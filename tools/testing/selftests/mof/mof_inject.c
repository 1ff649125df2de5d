// SPDX-License-Identifier: GPL-2.0
/*
 * A source that cannot be copied: the page stays, its mapping is restored, and
 * the touch goes on as if nothing had been.
 */
#include "lib/fault.h"
#include "lib/test.h"

#define COPY		"mof_copy_folio"
#define EHWPOISON_TEXT	"0xffffffffffffff7b"	/* -133, as the file wants it */

FIXTURE(poison)
{
	struct machine m;
	struct area a;
	long window;		/* as it was found */
	struct stats before;
	struct stats d;
};

FIXTURE_VARIANT(poison)
{
	long window;
};

FIXTURE_VARIANT_ADD(poison, window_1) {
	.window = 1,
};

FIXTURE_VARIANT_ADD(poison, window_64) {
	.window = 64,
};

FIXTURE_VARIANT_ADD(poison, window_512) {
	.window = 512,
};

FIXTURE_SETUP(poison)
{
	const char *why = machine_setup(&self->m);

	self->window = read_long(WINDOW);
	if (!why)
		why = have_lazy() ? function_fails_start(COPY, EHWPOISON_TEXT) : NO_LAZY;
	if (why) {
		machine_restore(&self->m);
		SKIP(return, "%s", why);
	}
	ASSERT_EQ(0, write_long(WINDOW, variant->window));
	ASSERT_EQ(0, run_on(self->m.from));
	ASSERT_EQ(0, fault_area(&self->a, &self->m, RUN_PAGES,
				MAP_PRIVATE | MAP_ANONYMOUS, -1));
	ASSERT_EQ(0, fault_begin(&self->m, &self->a));
	ASSERT_EQ(0, stats_read(&self->before));
}

FIXTURE_TEARDOWN_PARENT(poison)
{
	function_fails_stop(COPY);
	if (self->window >= 0)
		write_long(WINDOW, self->window);
	machine_restore(&self->m);
}

TEST_F(poison, in_the_touched_page_leaves_it_where_it_is_and_counts_once)
{
	ASSERT_EQ(0, function_fails(1));
	page_write(&self->a, 0);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(variant->window == 1 ? 1 : RUN_WINDOW, self->d.v[MOF_RESOLVED]);
	EXPECT_EQ(self->m.from, page_node(&self->a, 0));
	EXPECT_EQ(1, stats_failed(&self->d));
	EXPECT_EQ(0, self->d.v[MOF_FAILED_NOMEM]);
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	area_write(&self->a);
	EXPECT_EQ(AREA_PAGES - 1, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_hinted(&self->a));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(poison, in_each_of_several_pages_leaves_those_and_moves_the_others)
{
	ASSERT_EQ(0, function_fails(7));
	area_read(&self->a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(7, area_on(&self->a, self->m.from));
	EXPECT_EQ(AREA_PAGES - 7, area_on(&self->a, self->m.to));
	EXPECT_EQ(7, stats_failed(&self->d));
	EXPECT_EQ(AREA_PAGES - 7, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_RESOLVED]);
	EXPECT_EQ(0, area_hinted(&self->a));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(poison, in_all_pages_moves_none_and_every_touch_succeeds)
{
	struct area new = self->a;

	ASSERT_EQ(0, function_fails(-1));
	new.seed += 1;
	area_fill(&new);
	function_fails_stop(COPY);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.from));
	EXPECT_EQ(AREA_PAGES, stats_failed(&self->d));
	EXPECT_EQ(0, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(0, area_hinted(&self->a));
	EXPECT_EQ(0, area_bad(&new));
}

TEST_F(poison, that_is_gone_by_the_next_mark_lets_the_page_move)
{
	ASSERT_EQ(0, function_fails(-1));
	area_write(&self->a);
	function_fails_stop(COPY);
	drain_lru();
	ASSERT_EQ(0, mark(&self->a, MPOL_DEFAULT, 0));
	EXPECT_EQ(AREA_PAGES, area_hinted(&self->a));
	area_write(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

#include "lib/main.h"
