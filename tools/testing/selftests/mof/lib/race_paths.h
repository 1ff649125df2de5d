/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fixture of touches: held at points of each path.
 */
#ifndef _MOF_RACE_PATHS_H
#define _MOF_RACE_PATHS_H

#include "race_test.h"

#define WINDOW		"/proc/sys/vm/mof_window_pages"
#define DEFAULT_WINDOW	48

FIXTURE(race)
{
	struct machine m;
	struct race r;
	long window;		/* as it was found */
};

/*
 * @settled: from there on the page moves, whatever comes
 * @needs_points: without them it is one of the other variants
 */
FIXTURE_VARIANT(race)
{
	enum race_kind kind;
	const char *point;
	long window;
	bool settled;
	bool needs_points;
};

#ifdef RACE_MORE_POINTS
FIXTURE_VARIANT_ADD(race, fault) {
	.kind = RACE_SMALL, .point = "fault", .window = DEFAULT_WINDOW,
	.needs_points = true,
};

FIXTURE_VARIANT_ADD(race, chosen) {
	.kind = RACE_SMALL, .point = "chosen", .window = DEFAULT_WINDOW,
	.needs_points = true,
};

FIXTURE_VARIANT_ADD(race, allocated) {
	.kind = RACE_SMALL, .point = "allocated", .window = DEFAULT_WINDOW,
	.needs_points = true,
};

FIXTURE_VARIANT_ADD(race, taken) {
	.kind = RACE_SMALL, .point = "taken", .window = DEFAULT_WINDOW,
	.settled = true, .needs_points = true,
};

FIXTURE_VARIANT_ADD(race, mapped) {
	.kind = RACE_SMALL, .point = "mapped", .window = DEFAULT_WINDOW,
	.settled = true, .needs_points = true,
};

FIXTURE_VARIANT_ADD(race, migrated) {
	.kind = RACE_SHARED, .point = "migrated", .window = DEFAULT_WINDOW,
	.settled = true, .needs_points = true,
};

FIXTURE_VARIANT_ADD(race, thp_target) {
	.kind = RACE_THP, .point = "target", .window = DEFAULT_WINDOW,
	.needs_points = true,
};
#else
FIXTURE_VARIANT_ADD(race, unmapped) {
	.kind = RACE_SMALL, .point = "unmapped", .window = DEFAULT_WINDOW,
	.settled = true,
};

FIXTURE_VARIANT_ADD(race, copied_alone) {
	.kind = RACE_SMALL, .point = "copied", .window = 1, .settled = true, .needs_points = true,
};

FIXTURE_VARIANT_ADD(race, isolated) {
	.kind = RACE_SHARED, .point = "isolated", .window = DEFAULT_WINDOW,
};

FIXTURE_VARIANT_ADD(race, thp) {
	.kind = RACE_THP, .point = "resolved", .window = DEFAULT_WINDOW,
	.settled = true,
};
#endif

FIXTURE_SETUP(race)
{
	const char *why = machine_setup(&self->m);

	self->window = read_long(WINDOW);
	if (!why && (!have_lazy() || self->window < 0))
		why = NO_LAZY;
	if (!why && variant->kind == RACE_THP)
		why = thp_missing();
	if (!why && variant->needs_points && !have_points())
		why = NO_POINTS;
	if (why) {
		machine_restore(&self->m);
		SKIP(return, "%s", why);
	}
	ASSERT_EQ(0, write_long(WINDOW, variant->window));
	ASSERT_EQ(0, run_on(self->m.from));
	self->r = (struct race) {
		.m = &self->m, .kind = variant->kind, .point = variant->point,
		.settled = variant->settled, .file = -1,
	};
}

FIXTURE_TEARDOWN_PARENT(race)
{
	if (have_points())
		point_release(variant->point);
	if (self->window >= 0)
		write_long(WINDOW, self->window);
	machine_restore(&self->m);
}

#endif /* _MOF_RACE_PATHS_H */
