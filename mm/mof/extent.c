// SPDX-License-Identifier: GPL-2.0
/*
 * Migrate-on-fault: when does the automatic mode move an extent? Pure functions
 * of its history, for KUnit.
 *
 * A sample is misplaced if the page is not on the node where the faulting task
 * wants it. A misplaced sample arms the extent if the last samples, misplaced or
 * not, were of one node: two of them at first, more if the extent was armed
 * before. Extents whose pages belong to several nodes have no such streaks: there,
 * misplaced samples raise a score and others lower it, and the score arms the
 * extent, at most twice: at the first time some owners may not have started yet,
 * and the faults of the others have used up all marks.
 *
 * Memory that several nodes share is misplaced wherever it is. It settles: the
 * streaks needed become rare, and the time between two moves doubles. A move that
 * has paid off, because only the node it was for has used the extent for a while,
 * is forgotten, together with the one before.
 *
 * See Documentation/mm/mof.rst.
 */
#include <linux/array_size.h>
#include <linux/bitfield.h>
#include <linux/minmax.h>
#include <linux/mmzone.h>

#include "extent.h"

#define MOF_MISPLACED		2	/* score of a misplaced sample */
#define MOF_PAID_MOVES		2U	/* forgotten if a move has paid off */

/* An extent as a value of an xarray: 63 bits at most. */
#define MOF_X_CPUPID	GENMASK_ULL(20, 0)
#define MOF_X_NID	GENMASK_ULL(31, 21)	/* + 1 */
#define MOF_X_STREAK	GENMASK_ULL(36, 32)
#define MOF_X_SCORE	GENMASK_ULL(42, 37)
#define MOF_X_MOVES	GENMASK_ULL(45, 43)
#define MOF_X_PENDING	GENMASK_ULL(48, 46)
#define MOF_X_WHEN	GENMASK_ULL(59, 49)
#define MOF_X_ARMED	BIT_ULL(60)
#define MOF_X_STABLE	BIT_ULL(61)

static_assert(LAST_CPUPID_SHIFT <= 21);
static_assert(MAX_NUMNODES <= 1024);

/**
 * mof_extent_pack() - an extent as a number
 * @e: the extent
 *
 * Context: any.
 * Return: a value for xa_mk_value().
 */
u64 mof_extent_pack(const struct mof_extent *e)
{
	return FIELD_PREP(MOF_X_CPUPID, e->cpupid & LAST_CPUPID_MASK) |
	       FIELD_PREP(MOF_X_NID, e->nid + 1) |
	       FIELD_PREP(MOF_X_STREAK, e->streak) |
	       FIELD_PREP(MOF_X_SCORE, e->score) |
	       FIELD_PREP(MOF_X_MOVES, e->moves) |
	       FIELD_PREP(MOF_X_PENDING, e->pending) |
	       FIELD_PREP(MOF_X_WHEN, e->when & MOF_WHEN_MASK) |
	       FIELD_PREP(MOF_X_ARMED, e->armed) |
	       FIELD_PREP(MOF_X_STABLE, e->stable);
}

/**
 * mof_extent_unpack() - the opposite of mof_extent_pack()
 * @value: the number; 0 is an extent without history
 *
 * Context: any.
 * Return: the extent.
 */
struct mof_extent mof_extent_unpack(u64 value)
{
	struct mof_extent e = {
		.cpupid = FIELD_GET(MOF_X_CPUPID, value),
		.nid = (int)FIELD_GET(MOF_X_NID, value) - 1,
		.streak = FIELD_GET(MOF_X_STREAK, value),
		.score = FIELD_GET(MOF_X_SCORE, value),
		.moves = FIELD_GET(MOF_X_MOVES, value),
		.pending = FIELD_GET(MOF_X_PENDING, value),
		.when = FIELD_GET(MOF_X_WHEN, value),
		.armed = FIELD_GET(MOF_X_ARMED, value),
		.stable = FIELD_GET(MOF_X_STABLE, value),
	};

	if (e.nid == NUMA_NO_NODE)
		e.cpupid = -1 & LAST_CPUPID_MASK;
	return e;
}

/**
 * mof_extent_since() - how long ago was it armed?
 * @e: an extent that was armed once
 * @now: time in seconds
 *
 * Context: any.
 * Return: seconds, modulo 2048: older times may look recent, which delays a move
 * by some seconds.
 */
unsigned int mof_extent_since(const struct mof_extent *e, unsigned int now)
{
	return (now - e->when) & MOF_WHEN_MASK;
}

/**
 * mof_extent_streak_needed() - length of the streak that arms an extent
 * @moves: how often it was armed
 *
 * Context: any.
 * Return: number of samples.
 */
unsigned int mof_extent_streak_needed(unsigned int moves)
{
	static const unsigned int needed[] = { 2, 12, 24 };

	return needed[min_t(size_t, moves, ARRAY_SIZE(needed) - 1)];
}

/* Does the score suffice to arm the extent, or 1/@part of that? */
static bool mof_extent_score_suffices(const struct mof_extent *e,
				      unsigned int part)
{
	static const unsigned int needed[] = { 4, 24 };

	return e->moves < ARRAY_SIZE(needed) &&
	       e->score >= needed[e->moves] / part;
}

/* The time between two moves doubles each time, from two seconds on. */
static bool mof_extent_may_move(const struct mof_extent *e, unsigned int now)
{
	return !e->moves || mof_extent_since(e, now) >= 1U << e->moves;
}

/* A sample of another node: has the last move paid off? */
static void mof_extent_forget(struct mof_extent *e, unsigned int now)
{
	if (e->stable && e->streak >= MOF_PAYS_STREAK &&
	    mof_extent_since(e, now) >= MOF_PAYS_S)
		e->moves -= min(e->moves, MOF_PAID_MOVES);
	e->stable = false;
}

/**
 * mof_extent_learn() - update the history with a sample
 * @e: the extent
 * @want_nid: node where the faulting task wants the page
 * @page_nid: node of the page
 * @now: time in seconds
 *
 * Sets @e->armed if the evidence suffices.
 *
 * Context: any; the caller serialises changes of @e.
 * Return: true if the sample is misplaced.
 */
bool mof_extent_learn(struct mof_extent *e, int want_nid, int page_nid,
		      unsigned int now)
{
	e->pending = 0;
	if (want_nid == e->nid) {
		e->streak = min(e->streak + 1, MOF_STREAK_MAX);
	} else {
		mof_extent_forget(e, now);
		e->nid = want_nid;
		e->streak = 1;
	}
	if (want_nid == page_nid) {
		e->score -= min(e->score, 1U);
		return false;
	}
	e->score = min(e->score + MOF_MISPLACED, MOF_SCORE_MAX);
	if (mof_extent_may_move(e, now) &&
	    (e->streak >= mof_extent_streak_needed(e->moves) ||
	     mof_extent_score_suffices(e, 1)))
		e->armed = true;
	return true;
}

/**
 * mof_extent_is_candidate() - is it worth sampling an extent again soon?
 * @e: the extent
 * @now: time in seconds
 *
 * Context: any.
 * Return: true if there is evidence that it is misplaced and it was not moved
 * often yet, or it is half-way to its next move.
 */
bool mof_extent_is_candidate(const struct mof_extent *e, unsigned int now)
{
	if (e->armed || (e->score && e->moves < MOF_EAGER_MOVES))
		return true;
	return e->score && mof_extent_may_move(e, now) &&
	       (e->streak >= mof_extent_streak_needed(e->moves) / 2 ||
		mof_extent_score_suffices(e, 4));
}

/**
 * mof_extent_armed() - the pages of an extent are being marked
 * @e: the extent
 * @now: time in seconds
 *
 * Context: any; the caller serialises changes of @e.
 */
void mof_extent_armed(struct mof_extent *e, unsigned int now)
{
	e->armed = false;
	e->stable = true;
	e->streak = 0;
	e->score = 0;
	e->moves = min(e->moves + 1, MOF_MOVES_MAX);
	e->when = now & MOF_WHEN_MASK;
}
