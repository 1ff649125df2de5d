/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The history of an extent, the range that one PMD entry maps, and the decisions
 * that the automatic mode takes from it. See Documentation/mm/mof.rst.
 */
#ifndef _MM_MOF_EXTENT_H
#define _MM_MOF_EXTENT_H

#include <linux/numa.h>
#include <linux/types.h>

/**
 * struct mof_extent - the history of an extent
 * @nid: node of the last sample, NUMA_NO_NODE if there was none
 * @cpupid: last_cpupid of the last sample's faulting task; "unset" if none
 * @streak: consecutive samples of @nid since the last arming, up to
 *	    MOF_STREAK_MAX
 * @score: evidence of misplaced pages, up to MOF_SCORE_MAX
 * @moves: times it was armed, less those that have paid off
 * @pending: consecutive samples that were not touched yet, up to MOF_PENDING_MAX
 * @when: time of the last arming, in seconds modulo 2048
 * @armed: decided, but not done yet
 * @stable: no sample of another node since it was armed
 */
struct mof_extent {
	int nid;
	int cpupid;
	unsigned int streak;
	unsigned int score;
	unsigned int moves;
	unsigned int pending;
	unsigned int when;
	bool armed;
	bool stable;
};

#define MOF_STREAK_MAX	31
#define MOF_SCORE_MAX	63
#define MOF_MOVES_MAX	6
#define MOF_PENDING_MAX	7
#define MOF_WHEN_MASK	2047

#define MOF_EAGER_MOVES	1	/* moved so often, an extent can wait */
#define MOF_PAYS_STREAK	8	/* a move has paid off after so many samples */
#define MOF_PAYS_S	3	/* and so many seconds on one node */

u64 mof_extent_pack(const struct mof_extent *e);
struct mof_extent mof_extent_unpack(u64 value);
unsigned int mof_extent_since(const struct mof_extent *e, unsigned int now);
unsigned int mof_extent_streak_needed(unsigned int moves);
bool mof_extent_learn(struct mof_extent *e, int want_nid, int page_nid,
		      unsigned int now);
bool mof_extent_is_candidate(const struct mof_extent *e, unsigned int now);
void mof_extent_armed(struct mof_extent *e, unsigned int now);

#endif /* _MM_MOF_EXTENT_H */
