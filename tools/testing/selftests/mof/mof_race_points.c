// SPDX-License-Identifier: GPL-2.0
/*
 * Races: the touch is held at the other points, between the steps of each path,
 * and meanwhile the page goes, comes back, or is touched by others.
 */
#define RACE_MORE_POINTS
#include "lib/race_paths.h"

TEST_F(race, dontneed_leaves_zeroes_and_what_the_touch_has_written)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.run = race_drop, .after = RACE_DROPS,
	});
}

static int page_out_and_in(struct race *r)
{
	int err = race_page_out(r);

	area_read(&r->a);
	return err;
}

TEST_F(race, swapping_out_and_in_keeps_contents)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.prepare = race_swap_prepare, .run = page_out_and_in,
		.finish = race_swap_finish, .moves = true,
	});
}

static int touch_from_there(struct race *r)
{
	int err = run_on(r->m->to);

	area_write(&r->a);
	return err;
}

TEST_F(race, second_toucher_that_comes_first_loses_nothing)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.run = touch_from_there, .moves = true,
	});
}

static int mark_and_touch(struct race *r)
{
	long err = mark(&r->a, MPOL_LOCAL, 0);

	area_write(&r->a);
	return err;
}

TEST_F(race, marking_and_touching_again_keeps_contents)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.run = mark_and_touch, .moves = true,
	});
}

TEST_F(race, eager_migration_back_keeps_contents)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.run = race_move_back, .moves = true,
	});
}

#include "lib/main.h"
