/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The automatic mode of migrate-on-fault, kernel.numa_balancing=4: shared by its
 * pacing in kernel/sched/mof.c, its sampling in sample.c and the history of
 * extents in history.c. See Documentation/mm/mof.rst.
 */
#ifndef _MM_MOF_SAMPLE_H
#define _MM_MOF_SAMPLE_H

#include <linux/gfp.h>
#include <linux/mm_types.h>
#include <linux/nodemask.h>
#include <linux/xarray.h>

#include "extent.h"

#define MOF_CANDIDATES	16	/* extents to sample again soon */
#define MOF_PARTS	8	/* of an extent: the unit of VMA sizes */
#define MOF_FOLLOW_UP_S	5	/* follow an extent for so long after arming */

/* Allocations of a step are hints: they must not invoke the OOM killer. */
#define MOF_GFP		(GFP_KERNEL | __GFP_NORETRY)

/* Which extents a step samples */
enum mof_scan {
	MOF_SCAN_SPARSE,	/* a few, anywhere */
	MOF_SCAN_FOLLOW_UP,	/* recently armed ones */
	MOF_SCAN_FULL,		/* all, in order of addresses */
};

/**
 * struct mof_mm - state of the automatic mode for an address space
 * @next: time of the next step, in jiffies
 * @busy: bit 0 is a lock, held during a step
 * @rescan: threads have come to another node: start a full pass soon
 * @rotate: when @nodes becomes @nodes_before, in jiffies
 * @nodes: nodes on which threads have run since the last rotation
 * @nodes_before: the same for the time before
 * @period: time between steps, in jiffies
 * @min_period: lower limit of @period
 * @quota: samples that the last step has left for the next one
 * @scan: kind of the last step
 * @follow_up: end of the current follow-up, in jiffies
 * @idle_passes: full passes in a row that armed nothing
 * @recorded: samples recorded since the last step
 * @misplaced: those of them that speak for moving an extent
 * @placed: samples touched since the scheduler was last told to sum up
 * @thp_armed: a THP was armed by its touch since the last step
 * @cursor: address where the next step continues
 * @size: parts of extents in sampled VMAs, as counted by the last pass
 * @counted: the same for the current pass
 * @prune: index in @extents where the next step looks for unmapped ones
 * @candidate: addresses of extents whose last sample was misplaced
 * @nr_candidates: number of candidates added since the last step
 * @extents: packed history of the extents, by address >> PMD_SHIFT
 *
 * Lives from the first step until the last user of the mm is gone. Scheduler hooks
 * and faults write @next, @rescan, @nodes, @nodes_before, @recorded, @misplaced,
 * @placed, @thp_armed, @follow_up, @candidate and @nr_candidates without a lock: a
 * lost update loses a sample or delays a step. All other fields are protected
 * by @busy, which is only ever tried.
 *
 * Lock order: @busy, mmap_lock for reading, page table lock, lock of @extents.
 */
struct mof_mm {
	unsigned long next;
	unsigned long busy;
	bool rescan;
	unsigned long rotate;
	nodemask_t nodes;
	nodemask_t nodes_before;
	unsigned long period;
	unsigned long min_period;
	unsigned int quota;
	enum mof_scan scan;
	unsigned long follow_up;
	unsigned int idle_passes;
	unsigned int recorded;
	unsigned int misplaced;
	unsigned int placed;
	bool thp_armed;
	unsigned long cursor;
	unsigned long size;
	unsigned long counted;
	unsigned long prune;
	unsigned long candidate[MOF_CANDIDATES];
	unsigned int nr_candidates;
	struct xarray extents;
};

/**
 * struct mof_step - one step of the sampler
 * @s: state of the address space
 * @scan: which extents to sample
 * @only_nid: the only node that threads run on, NUMA_NO_NODE if there are several
 * @quota: how many samples to take; on return, how many of them were not taken
 * @sparse: quota of a sparse step; a follow-up samples as many other extents
 * @samples: on return, samples taken
 * @armed: on return, extents armed
 * @wrapped: on return, the end of the address space was reached
 * @exhausted: on return, the step ended because it had cost enough
 */
struct mof_step {
	struct mof_mm *s;
	enum mof_scan scan;
	int only_nid;
	unsigned int quota;
	unsigned int sparse;
	unsigned int samples;
	unsigned int armed;
	bool wrapped;
	bool exhausted;
};

/* sample.c */
bool mof_sample_step(struct mm_struct *mm, struct mof_step *step);

/* history.c */
struct mof_mm *mof_mm_get(struct mm_struct *mm);
struct mof_extent mof_extent_get(struct mof_mm *s, unsigned long addr,
				 void **old);
bool mof_extent_put(struct mof_mm *s, unsigned long addr,
		    const struct mof_extent *e, void *old, gfp_t gfp);
void mof_record(struct mof_mm *s, struct mof_extent *e, unsigned long addr,
		int want_nid, int page_nid);
void mof_prune(struct mof_mm *s, struct mm_struct *mm, unsigned int added);

/**
 * mof_note_node() - a thread of an address space runs on some node
 * @s: state of the address space
 * @nid: the node
 *
 * Context: any in which @s stays: see Documentation/mm/mof.rst, "State".
 * Return: true if no thread has run there recently.
 */
static inline bool mof_note_node(struct mof_mm *s, int nid)
{
	bool is_new;

	if (node_isset(nid, s->nodes))
		return false;
	is_new = !node_isset(nid, s->nodes_before);
	node_set(nid, s->nodes);
	return is_new;
}

#endif /* _MM_MOF_SAMPLE_H */
