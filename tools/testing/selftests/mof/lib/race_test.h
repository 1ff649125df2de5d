/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checks and fixture for races.
 */
#ifndef _MOF_RACE_TEST_H
#define _MOF_RACE_TEST_H

#include "race.h"
#include "test.h"

#define DEFAULT_WINDOW	48

/* Checks after each race. */
static void race_check(struct __test_metadata *_metadata, struct race *r)
{
	const struct race_op *op = r->op;
	struct stats d;

	EXPECT_TRUE(r->reached)
		TH_LOG("no thread has reached %s", r->point);
	if (!op->may_fail)
		EXPECT_EQ(0, r->err);
	/*
	 * A marker holds mmap_lock for reading. If any thread, even in this
	 * program's libraries, waits for it meanwhile to write, faults wait as
	 * well.
	 */
	if (have_points() && op->first && !r->marks)
		EXPECT_TRUE(r->first)
			TH_LOG("it waits for the thread held at %s", r->point);
	if (have_points() && r->settled && !op->moves && op->after == RACE_KEEPS)
		EXPECT_EQ(r->m->to, page_node(&r->a, r->page));
	if (op->check)
		EXPECT_EQ(0, op->check(r));
	EXPECT_EQ(0, race_lost(r));
	EXPECT_EQ(0, area_hinted(&r->a));
	ASSERT_EQ(0, stats_since(&r->before, &d));
	EXPECT_EQ(0, stats_unreconciled(&d));
}

static void race_once(struct __test_metadata *_metadata, struct race *r)
{
	ASSERT_EQ(0, stats_read(&r->before));
	if (!r->marks)
		ASSERT_EQ(0, mark(&r->a, MPOL_LOCAL, 0));
	EXPECT_EQ(0, r->marks ? race_run_beside_writer(r) : race_run(r));
	race_check(_metadata, r);
}

/* Hold a touch or a marker, and run an operation meanwhile. */
static void race_with(struct __test_metadata *_metadata, struct race *r,
		      const struct race_op *op)
{
	const char *why = NULL;

	r->op = op;
	for (r->round = 0; r->round < race_rounds() && !why; r->round++) {
		ASSERT_EQ(0, race_area(r));
		if (op->prepare)
			why = op->prepare(r);
		if (!why)
			race_once(_metadata, r);
		if (op->finish)
			op->finish(r);
		area_free(&r->a);
	}
	if (why)
		SKIP_UNLESS_FAILED(return, "%s", why);
}

/* machine_setup_lazy() for a race of this kind, held at a point if @needs_points. */
static const char *race_needs(struct machine *m, enum race_kind kind, bool needs_points)
{
	const char *why = machine_setup_lazy(m);

	if (!why && kind == RACE_THP)
		why = thp_missing();
	if (!why && needs_points && !have_points())
		why = NO_POINTS;
	return why;
}

/**
 * struct race_path - a path of the touch, and a point on it
 * @kind:	type of memory, which selects the path
 * @point:	hold the touch there
 * @window:	value of vm.mof_window_pages
 * @settled:	from this point on, the page migrates in any case
 * @needs_points: without points it would be the same as another path
 */
struct race_path {
	enum race_kind kind;
	const char *point;
	long window;
	bool settled;
	bool needs_points;
};

static void race_begin(struct __test_metadata *_metadata, struct race *r,
		       struct machine *m, const struct race_path *path)
{
	const char *why = race_needs(m, path->kind, path->needs_points);
	long window = read_long(WINDOW);

	if (!why && window < 0)
		why = NO_LAZY;
	SKIP_SETUP(return, m, why);
	ASSERT_EQ(0, write_long(WINDOW, path->window));
	ASSERT_EQ(0, run_on(m->from));
	*r = (struct race) {
		.m = m, .kind = path->kind, .point = path->point,
		.settled = path->settled, .window = window, .file = -1,
	};
}

static void race_end(const struct race *r)
{
	if (have_points())
		point_release(r->point);
	write_long(WINDOW, r->window);
	machine_restore(r->m);
}

/* At least one point on each path */
FIXTURE(race)
{
	struct machine m;
	struct race r;
};

FIXTURE_VARIANT(race)
{
	struct race_path path;
};

FIXTURE_VARIANT_ADD(race, unmapped) {
	.path = { .kind = RACE_SMALL, .point = "unmapped",
		.window = DEFAULT_WINDOW, .settled = true },
};

FIXTURE_VARIANT_ADD(race, copied_alone) {
	.path = { .kind = RACE_SMALL, .point = "copied", .window = 1,
		.settled = true, .needs_points = true },
};

FIXTURE_VARIANT_ADD(race, isolated) {
	.path = { .kind = RACE_SHARED, .point = "isolated",
		.window = DEFAULT_WINDOW },
};

FIXTURE_VARIANT_ADD(race, thp) {
	.path = { .kind = RACE_THP, .point = "resolved",
		.window = DEFAULT_WINDOW, .settled = true },
};

FIXTURE_SETUP(race)
{
	race_begin(_metadata, &self->r, &self->m, &variant->path);
}

FIXTURE_TEARDOWN_PARENT(race)
{
	race_end(&self->r);
}

#endif /* _MOF_RACE_TEST_H */
