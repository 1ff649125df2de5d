// SPDX-License-Identifier: GPL-2.0
/*
 * Migrate-on-fault: what the automatic mode decides from the samples of an
 * extent, one rule after the other. history_test.c has what follows from them.
 */
#include <kunit/test.h>
#include <linux/mmzone.h>

#include "../extent.h"

#define NO_HISTORY	{ .nid = NUMA_NO_NODE, .cpupid = -1 & LAST_CPUPID_MASK }
#define NOW		1000	/* seconds; long after an arming at 0 */

/* Packing */

struct pack_case {
	const char *name;
	struct mof_extent e;
};

static const struct pack_case pack_cases[] = {
	{ "no history", NO_HISTORY },
	{ "nothing but a node", { .nid = 0 } },
	{ "last node", { .nid = MAX_NUMNODES - 1 } },
	{ "largest cpupid", { .cpupid = LAST_CPUPID_MASK } },
	{ "longest streak", { .streak = MOF_STREAK_MAX } },
	{ "highest score", { .score = MOF_SCORE_MAX } },
	{ "most moves", { .moves = MOF_MOVES_MAX } },
	{ "most pending", { .pending = MOF_PENDING_MAX } },
	{ "last second", { .when = MOF_WHEN_MASK } },
	{ "armed", { .armed = true } },
	{ "stable", { .stable = true } },
	{ "all at once",
	  { .nid = MAX_NUMNODES - 1, .cpupid = LAST_CPUPID_MASK,
	    .streak = MOF_STREAK_MAX, .score = MOF_SCORE_MAX,
	    .moves = MOF_MOVES_MAX, .pending = MOF_PENDING_MAX,
	    .when = MOF_WHEN_MASK, .armed = true, .stable = true } },
};

static void pack_case_name(const struct pack_case *c, char *name)
{
	strscpy(name, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(pack, pack_cases, pack_case_name);

static void expect_same(struct kunit *test, const struct mof_extent *a,
			const struct mof_extent *b)
{
	KUNIT_EXPECT_EQ(test, a->nid, b->nid);
	KUNIT_EXPECT_EQ(test, a->cpupid, b->cpupid);
	KUNIT_EXPECT_EQ(test, a->streak, b->streak);
	KUNIT_EXPECT_EQ(test, a->score, b->score);
	KUNIT_EXPECT_EQ(test, a->moves, b->moves);
	KUNIT_EXPECT_EQ(test, a->pending, b->pending);
	KUNIT_EXPECT_EQ(test, a->when, b->when);
	KUNIT_EXPECT_EQ(test, a->armed, b->armed);
	KUNIT_EXPECT_EQ(test, a->stable, b->stable);
}

static void what_is_packed_comes_out_again(struct kunit *test)
{
	const struct pack_case *c = test->param_value;
	struct mof_extent e = mof_extent_unpack(mof_extent_pack(&c->e));

	expect_same(test, &e, &c->e);
	/* A value of an xarray has one bit less than a word. */
	KUNIT_EXPECT_EQ(test, mof_extent_pack(&c->e) >> 63, 0);
}

static void zero_is_no_history(struct kunit *test)
{
	const struct mof_extent none = NO_HISTORY;
	struct mof_extent e = mof_extent_unpack(0);

	expect_same(test, &e, &none);
}

static void time_is_kept_modulo_2048(struct kunit *test)
{
	struct mof_extent e = { .when = MOF_WHEN_MASK + 6 };

	e = mof_extent_unpack(mof_extent_pack(&e));
	KUNIT_EXPECT_EQ(test, e.when, 5);
	KUNIT_EXPECT_EQ(test, mof_extent_since(&e, 5), 0);
	KUNIT_EXPECT_EQ(test, mof_extent_since(&e, 12), 7);
	KUNIT_EXPECT_EQ(test, mof_extent_since(&e, 4), MOF_WHEN_MASK);
	KUNIT_EXPECT_EQ(test, mof_extent_since(&e, 10 * 2048 + 6), 1);
}

/* Evidence */

/* Samples as "AB": node A wants a page that is on node B. */
struct learn_case {
	const char *name;
	const char *samples;
	unsigned int arms_at;	/* number of the sample; 0: none */
};

static const struct learn_case learn_cases[] = {
	{ "one sample is not enough", "10", 0 },
	{ "two of another node", "10 10", 2 },
	{ "a local and a misplaced one of one node", "11 10", 2 },
	{ "a misplaced and a local one of one node", "10 11", 0 },
	{ "local ones", "00 00 00 00 00 00 00 00", 0 },
	{ "alternating nodes: the score", "10 00 10 00 10", 5 },
	{ "a page of each: the score", "10 01 10", 2 },
	{ "three nodes: the score", "10 20", 2 },
	{ "now and then a misplaced one", "10 00 00 10 00 00 10 00 00", 0 },
};

static void learn_case_name(const struct learn_case *c, char *name)
{
	strscpy(name, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(learn, learn_cases, learn_case_name);

/* The first of the samples that arms the extent. */
static void samples_that_arm(struct kunit *test)
{
	const struct learn_case *c = test->param_value;
	struct mof_extent e = NO_HISTORY;
	unsigned int nr = 0, arms_at = 0;
	const char *at;

	for (at = c->samples; !arms_at; at += 3) {
		mof_extent_learn(&e, at[0] - '0', at[1] - '0', NOW);
		nr++;
		if (e.armed)
			arms_at = nr;
		if (!at[2])
			break;
	}
	KUNIT_EXPECT_EQ(test, arms_at, c->arms_at);
}

/* Samples of node 1 that it takes to arm an extent; 0: more than there can be. */
static unsigned int samples_needed(struct mof_extent e)
{
	unsigned int nr;

	for (nr = 1; nr <= MOF_STREAK_MAX; nr++) {
		mof_extent_learn(&e, 1, 0, NOW);
		if (e.armed)
			return nr;
	}
	return 0;
}

static void streak_needed_grows_with_the_moves(struct kunit *test)
{
	unsigned int moves, before = 0, needed;

	for (moves = 0; moves <= MOF_MOVES_MAX; moves++) {
		struct mof_extent e = { .nid = 2, .moves = moves };

		needed = mof_extent_streak_needed(moves);
		KUNIT_EXPECT_GE(test, needed, before);
		KUNIT_EXPECT_EQ(test, samples_needed(e), needed);
		before = needed;
	}
	KUNIT_EXPECT_EQ(test, mof_extent_streak_needed(0), 2);
	KUNIT_EXPECT_LT(test, 2, before);
}

/*
 * All but one of those needed, then one of another node: it is all to do again.
 * They are in place, so that the score has no part in it.
 */
static void another_node_breaks_the_streak(struct kunit *test)
{
	unsigned int moves, i;

	for (moves = 1; moves <= MOF_MOVES_MAX; moves++) {
		struct mof_extent e = { .nid = 2, .moves = moves };

		for (i = 1; i < mof_extent_streak_needed(moves); i++)
			mof_extent_learn(&e, 1, 1, NOW);
		mof_extent_learn(&e, 0, 0, NOW);
		KUNIT_EXPECT_FALSE(test, e.armed);
		KUNIT_EXPECT_EQ(test, samples_needed(e),
				mof_extent_streak_needed(moves));
	}
}

/* Local ones count, too: half of the pages may have been moved already. */
static void local_samples_are_part_of_the_streak(struct kunit *test)
{
	unsigned int moves, i;

	for (moves = 0; moves <= MOF_MOVES_MAX; moves++) {
		struct mof_extent e = { .nid = 2, .moves = moves };

		for (i = 1; i < mof_extent_streak_needed(moves); i++)
			mof_extent_learn(&e, 1, 1, NOW);
		KUNIT_EXPECT_FALSE(test, e.armed);
		mof_extent_learn(&e, 1, 0, NOW);
		KUNIT_EXPECT_TRUE(test, e.armed);
	}
}

/* Three nodes in turn, none of them the page's: there is never a streak. */
static void score_decides_the_first_two_moves_only(struct kunit *test)
{
	unsigned int moves, nr;

	for (moves = 0; moves <= MOF_MOVES_MAX; moves++) {
		struct mof_extent e = NO_HISTORY;

		e.moves = moves;
		for (nr = 0; nr < 100 && !e.armed; nr++)
			mof_extent_learn(&e, 1 + nr % 3, 0, NOW);
		KUNIT_EXPECT_EQ(test, e.armed ? nr : 0,
				!moves ? 2 : moves == 1 ? 12 : 0);
	}
}

/* With a streak that is always enough: does it arm this long after a move? */
static bool arms_after(unsigned int moves, unsigned int seconds)
{
	struct mof_extent e = {
		.nid = 1, .streak = MOF_STREAK_MAX, .moves = moves,
		.when = NOW & MOF_WHEN_MASK,
	};

	mof_extent_learn(&e, 1, 0, NOW + seconds);
	return e.armed;
}

static void time_between_moves_doubles(struct kunit *test)
{
	unsigned int moves;

	KUNIT_EXPECT_TRUE(test, arms_after(0, 0));
	for (moves = 1; moves <= MOF_MOVES_MAX; moves++) {
		KUNIT_EXPECT_FALSE(test, arms_after(moves, (1 << moves) - 1));
		KUNIT_EXPECT_TRUE(test, arms_after(moves, 1 << moves));
	}
	/* Too soon, it waits: the next sample that is late enough arms. */
	KUNIT_EXPECT_FALSE(test, arms_after(MOF_MOVES_MAX, 0));
}

static void learning_ends_pending(struct kunit *test)
{
	struct mof_extent e = NO_HISTORY;

	e.pending = MOF_PENDING_MAX;
	mof_extent_learn(&e, 0, 0, NOW);
	KUNIT_EXPECT_EQ(test, e.pending, 0);
	e.pending = 1;
	mof_extent_learn(&e, 1, 0, NOW);
	KUNIT_EXPECT_EQ(test, e.pending, 0);
}

static void samples_are_misplaced_or_local(struct kunit *test)
{
	struct mof_extent e = NO_HISTORY;

	KUNIT_EXPECT_FALSE(test, mof_extent_learn(&e, 1, 1, NOW));
	KUNIT_EXPECT_TRUE(test, mof_extent_learn(&e, 1, 0, NOW));
	KUNIT_EXPECT_TRUE(test, mof_extent_learn(&e, 0, 1, NOW));
	KUNIT_EXPECT_FALSE(test, mof_extent_learn(&e, 0, 0, NOW));
}

/* With evidence against it, and not moved often: then it is. */
static void only_rarely_moved_extents_are_candidates(struct kunit *test)
{
	unsigned int moves;

	for (moves = 0; moves <= MOF_MOVES_MAX; moves++) {
		struct mof_extent e = { .nid = 1, .moves = moves };

		KUNIT_EXPECT_FALSE(test, mof_extent_is_candidate(&e, NOW));
		mof_extent_learn(&e, 1, 0, NOW);
		KUNIT_EXPECT_EQ(test, mof_extent_is_candidate(&e, NOW),
				e.armed || moves < MOF_EAGER_MOVES);
		e.score = 0;
		e.armed = true;
		KUNIT_EXPECT_TRUE(test, mof_extent_is_candidate(&e, NOW));
	}
}

/* One that was moved often is, once there is half of the evidence needed. */
static void half_a_streak_makes_a_candidate(struct kunit *test)
{
	struct mof_extent e = { .nid = 1, .moves = 1, .score = 1,
				.when = NOW - 60 };

	e.streak = mof_extent_streak_needed(1) / 2 - 1;
	KUNIT_EXPECT_FALSE(test, mof_extent_is_candidate(&e, NOW));
	e.streak++;
	KUNIT_EXPECT_TRUE(test, mof_extent_is_candidate(&e, NOW));
	e.score = 0;
	KUNIT_EXPECT_FALSE(test, mof_extent_is_candidate(&e, NOW));
	/* Or of the score, when that counts. */
	e.streak = 0;
	e.score = 6;
	KUNIT_EXPECT_TRUE(test, mof_extent_is_candidate(&e, NOW));
	e.moves = 2;
	KUNIT_EXPECT_FALSE(test, mof_extent_is_candidate(&e, NOW));
	e.moves = 1;
	/* But not as long as it must not move again. */
	e.score = 1;
	e.when = NOW;
	KUNIT_EXPECT_FALSE(test, mof_extent_is_candidate(&e, NOW));
}

/* What is known of the time before is not evidence against the new place. */
static void an_armed_extent_starts_anew(struct kunit *test)
{
	struct mof_extent e = NO_HISTORY;

	mof_extent_learn(&e, 1, 0, NOW);
	mof_extent_learn(&e, 1, 0, NOW);
	KUNIT_EXPECT_TRUE(test, e.armed);
	mof_extent_armed(&e, NOW);
	KUNIT_EXPECT_FALSE(test, e.armed);
	KUNIT_EXPECT_TRUE(test, e.stable);
	KUNIT_EXPECT_EQ(test, e.nid, 1);
	KUNIT_EXPECT_EQ(test, e.score, 0);
	KUNIT_EXPECT_EQ(test, e.streak, 0);
	KUNIT_EXPECT_EQ(test, e.moves, 1);
	KUNIT_EXPECT_EQ(test, e.when, NOW);
}

/* How many of @moves are left when another node comes, @seconds after the last. */
static unsigned int moves_left(unsigned int moves, unsigned int streak,
			       unsigned int seconds, bool kept)
{
	struct mof_extent e = {
		.nid = 1, .moves = moves, .streak = streak, .stable = kept,
		.when = (NOW - seconds) & MOF_WHEN_MASK,
	};

	mof_extent_learn(&e, 1, 1, NOW);	/* the streak's last one */
	mof_extent_learn(&e, 0, 1, NOW);
	return e.stable ? MOF_MOVES_MAX + 1 : e.moves;
}

static void a_move_that_has_paid_is_forgotten_and_one_before(struct kunit *test)
{
	const unsigned int streak = MOF_PAYS_STREAK - 1, s = MOF_PAYS_S;
	unsigned int moves;

	for (moves = 1; moves <= MOF_MOVES_MAX; moves++)
		KUNIT_EXPECT_EQ(test, moves_left(moves, streak, s, true),
				moves > 2 ? moves - 2 : 0);
	KUNIT_EXPECT_EQ(test, moves_left(3, streak - 1, s, true), 3);
	KUNIT_EXPECT_EQ(test, moves_left(3, streak, s - 1, true), 3);
	KUNIT_EXPECT_EQ(test, moves_left(3, streak, s, false), 3);
}

static void counts_stop_at_their_limits(struct kunit *test)
{
	struct mof_extent e = NO_HISTORY;
	int i;

	for (i = 0; i < 100; i++)
		mof_extent_learn(&e, 1, 0, NOW);
	KUNIT_EXPECT_EQ(test, e.streak, MOF_STREAK_MAX);
	KUNIT_EXPECT_EQ(test, e.score, MOF_SCORE_MAX);
	for (i = 0; i < 100; i++)
		mof_extent_learn(&e, 1, 1, NOW);
	KUNIT_EXPECT_EQ(test, e.score, 0);
	for (i = 0; i < 100; i++)
		mof_extent_armed(&e, NOW + i);
	KUNIT_EXPECT_EQ(test, e.moves, MOF_MOVES_MAX);
	KUNIT_EXPECT_EQ(test, e.when, (NOW + 99) & MOF_WHEN_MASK);
	KUNIT_EXPECT_FALSE(test, e.armed);
}

static struct kunit_case extent_test_cases[] = {
	KUNIT_CASE_PARAM(what_is_packed_comes_out_again, pack_gen_params),
	KUNIT_CASE(zero_is_no_history),
	KUNIT_CASE(time_is_kept_modulo_2048),
	KUNIT_CASE_PARAM(samples_that_arm, learn_gen_params),
	KUNIT_CASE(streak_needed_grows_with_the_moves),
	KUNIT_CASE(another_node_breaks_the_streak),
	KUNIT_CASE(local_samples_are_part_of_the_streak),
	KUNIT_CASE(score_decides_the_first_two_moves_only),
	KUNIT_CASE(time_between_moves_doubles),
	KUNIT_CASE(learning_ends_pending),
	KUNIT_CASE(samples_are_misplaced_or_local),
	KUNIT_CASE(only_rarely_moved_extents_are_candidates),
	KUNIT_CASE(half_a_streak_makes_a_candidate),
	KUNIT_CASE(an_armed_extent_starts_anew),
	KUNIT_CASE(a_move_that_has_paid_is_forgotten_and_one_before),
	KUNIT_CASE(counts_stop_at_their_limits),
	{}
};

static struct kunit_suite extent_test_suite = {
	.name = "mof_extent",
	.test_cases = extent_test_cases,
};

kunit_test_suite(extent_test_suite);
