// SPDX-License-Identifier: GPL-2.0
/*
 * Migrate-on-fault: an extent over hours, sampled by a clock of our own. It
 * follows one owner to another, and settles where several share it.
 */
#include <kunit/test.h>
#include <linux/minmax.h>
#include <linux/mmzone.h>
#include <linux/prandom.h>

#include "../extent.h"

/**
 * struct history - an extent and its pages, all of which move when it is armed
 * @e: what is known of it
 * @page_nid: node of its pages
 * @ms: time, in milliseconds
 * @arms: how often it was armed
 */
struct history {
	struct mof_extent e;
	int page_nid;
	u64 ms;
	unsigned int arms;
};

static struct history history_new(void)
{
	return (struct history) { .e = mof_extent_unpack(0) };
}

/* As the kernel keeps it: packed from one sample to the next. */
static void history_sample(struct history *h, int nid, unsigned int pause_ms)
{
	unsigned int now = div_u64(h->ms, MSEC_PER_SEC);

	mof_extent_learn(&h->e, nid, h->page_nid, now);
	if (h->e.armed) {
		mof_extent_armed(&h->e, now);
		h->page_nid = nid;
		h->arms++;
	}
	h->e = mof_extent_unpack(mof_extent_pack(&h->e));
	h->ms += pause_ms;
}

static void history_samples(struct history *h, int nid, unsigned int pause_ms,
			    unsigned int nr)
{
	while (nr--)
		history_sample(h, nid, pause_ms);
}

/* What is forgotten */

struct paid_case {
	const char *name;
	unsigned int samples;	/* of the new owner, after the move */
	unsigned int seconds;	/* in all */
	bool paid;
};

static const struct paid_case paid_cases[] = {
	{ "enough samples and time", MOF_PAYS_STREAK, MOF_PAYS_S, true },
	{ "many samples and much time", 60, 300, true },
	{ "enough time, few samples", MOF_PAYS_STREAK - 3, 60, false },
	{ "many samples, little time", 60, MOF_PAYS_S - 1, false },
	{ "neither", 2, 1, false },
};

static void paid_case_name(const struct paid_case *c, char *name)
{
	strscpy(name, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(paid, paid_cases, paid_case_name);

static void a_move_that_has_paid_is_forgotten(struct kunit *test)
{
	const struct paid_case *c = test->param_value;
	struct history h = history_new();

	history_samples(&h, 1, 0, 2);
	KUNIT_ASSERT_EQ(test, h.e.moves, 1);
	history_samples(&h, 1, 0, c->samples);
	h.ms += c->seconds * MSEC_PER_SEC;
	KUNIT_EXPECT_EQ(test, h.e.moves, 1);
	history_sample(&h, 0, 0);
	KUNIT_EXPECT_EQ(test, h.e.moves, c->paid ? 0 : 1);
}

/* The new owner has it for long, but not for itself. */
static void a_move_has_not_paid_if_others_come_soon(struct kunit *test)
{
	struct history h = history_new();

	history_samples(&h, 1, 0, 2);
	h.ms += MSEC_PER_SEC;
	history_sample(&h, 0, 0);
	history_samples(&h, 1, MSEC_PER_SEC, 20);
	history_sample(&h, 0, 0);
	KUNIT_EXPECT_EQ(test, h.e.moves, 1);
}

/* Owners that change */

/* Owners take turns of @turn_ms. Returns at how many ends it was in place. */
static unsigned int take_turns(struct history *h, unsigned int turns,
			       unsigned int turn_ms, unsigned int pause_ms)
{
	unsigned int turn, in_place = 0;

	for (turn = 1; turn <= turns; turn++) {
		history_samples(h, turn % 2, pause_ms, turn_ms / pause_ms);
		in_place += h->page_nid == turn % 2;
	}
	return in_place;
}

struct turns_case {
	const char *name;
	unsigned int turn_ms;
	unsigned int pause_ms;
	unsigned int turns;
	bool follows;
};

static const struct turns_case turns_cases[] = {
	{ "turns of 5 s, 10 samples a second", 5000, 100, 100, true },
	{ "turns of 5 s, 3 samples a second", 5000, 333, 100, true },
	{ "turns of a minute", 60000, 1000, 100, true },
	{ "turns of 1 s, 10 samples a second", 1000, 100, 300, false },
	{ "turns of 1 s, 30 samples a second", 1000, 32, 300, false },
	{ "turns of a tenth of a second", 100, 32, 3000, false },
};

static void turns_case_name(const struct turns_case *c, char *name)
{
	strscpy(name, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(turns, turns_cases, turns_case_name);

/* The time between moves doubles up to 64 s: so many fit into @seconds. */
static unsigned int most_moves(unsigned int seconds)
{
	return 1 + min(ilog2(seconds / 2 + 1), MOF_MOVES_MAX) + seconds / 64;
}

/* It follows each turn if that pays, and stops soon if not. */
static void turns_are_followed_while_that_pays(struct kunit *test)
{
	const struct turns_case *c = test->param_value;
	struct history h = history_new();
	unsigned int in_place;

	in_place = take_turns(&h, c->turns, c->turn_ms, c->pause_ms);
	if (c->follows) {
		KUNIT_EXPECT_EQ(test, h.arms, c->turns);
		KUNIT_EXPECT_EQ(test, in_place, c->turns);
		KUNIT_EXPECT_LE(test, h.e.moves, 1);
	} else {
		KUNIT_EXPECT_LE(test, h.arms,
				most_moves(div_u64(h.ms, MSEC_PER_SEC)));
	}
}

/* Owners that share */

struct shared_case {
	const char *name;
	unsigned int nodes;
	unsigned int pause_ms;
	unsigned int samples;
	unsigned int most;	/* times that it may be armed */
};

static const struct shared_case shared_cases[] = {
	{ "30 samples a second, 2 nodes", 2, 32, 100000, 16 },
	{ "10 samples a second, 2 nodes", 2, 100, 36000, 12 },
	{ "a sample a second, 2 nodes", 2, 1000, 10000, 8 },
	{ "a sample in 16 s, 2 nodes", 2, 16000, 10000, 8 },
	{ "a sample a minute, 2 nodes", 2, 60000, 10000, 8 },
	{ "10 samples a second, 4 nodes", 4, 100, 36000, 8 },
	{ "a sample in 16 s, 4 nodes", 4, 16000, 10000, 8 },
};

static void shared_case_name(const struct shared_case *c, char *name)
{
	strscpy(name, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(shared, shared_cases, shared_case_name);

/* The same numbers each time: a failure can be repeated. */
static void shared_by_all_it_settles(struct kunit *test)
{
	const struct shared_case *c = test->param_value;
	struct history h = history_new();
	struct rnd_state rnd;
	unsigned int i;

	prandom_seed_state(&rnd, 1);
	for (i = 0; i < c->samples; i++)
		history_sample(&h, prandom_u32_state(&rnd) % c->nodes,
			       c->pause_ms);
	KUNIT_EXPECT_LE(test, h.arms, c->most);
}

/* Whatever the samples say, at no time are there more moves than the cap. */
static void moves_are_never_closer_than_the_cap(struct kunit *test)
{
	struct history h = history_new();
	unsigned int arms = 0;

	/* The worst: each sample is misplaced, and nothing ever pays. */
	while (h.ms < 1000 * MSEC_PER_SEC) {
		history_sample(&h, !h.page_nid, 32);
		if (h.arms != arms)
			KUNIT_ASSERT_LE(test, h.arms,
					most_moves(div_u64(h.ms, MSEC_PER_SEC)));
		arms = h.arms;
	}
	KUNIT_EXPECT_GE(test, arms, MOF_MOVES_MAX);
}

/* What was shared once has an owner in the end. */
static void one_owner_gets_it_in_the_end(struct kunit *test)
{
	struct history h = history_new();
	int i;

	for (i = 0; i < 100000; i++)
		history_sample(&h, i / 3 % 2, 32);
	history_samples(&h, 2, MSEC_PER_SEC, 1 << MOF_MOVES_MAX);
	KUNIT_EXPECT_EQ(test, h.page_nid, 2);
}

static struct kunit_case history_test_cases[] = {
	KUNIT_CASE_PARAM(a_move_that_has_paid_is_forgotten, paid_gen_params),
	KUNIT_CASE(a_move_has_not_paid_if_others_come_soon),
	KUNIT_CASE_PARAM(turns_are_followed_while_that_pays, turns_gen_params),
	KUNIT_CASE_PARAM(shared_by_all_it_settles, shared_gen_params),
	KUNIT_CASE(moves_are_never_closer_than_the_cap),
	KUNIT_CASE(one_owner_gets_it_in_the_end),
	{}
};

static struct kunit_suite history_test_suite = {
	.name = "mof_history",
	.test_cases = history_test_cases,
};

kunit_test_suite(history_test_suite);
