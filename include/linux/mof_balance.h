/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The automatic mode of migrate-on-fault, kernel.numa_balancing=4: what its two
 * sides share, the pacing in kernel/sched/mof.c and the sampling in
 * mm/mof/sample.c. See Documentation/mm/mof.rst.
 */
#ifndef _LINUX_MOF_BALANCE_H
#define _LINUX_MOF_BALANCE_H

#include <linux/mm_types.h>
#include <linux/nodemask.h>
#include <linux/sched/sysctl.h>
#include <linux/xarray.h>

#ifdef CONFIG_MIGRATE_ON_FAULT

#define MOF_SUSPECTS	16	/* extents to look at again soon */
#define MOF_PARTS	8	/* of an extent; areas are measured in them */

/* What a step looks at; shared with the trace of it. */
enum mof_gait {
	MOF_REST,	/* a few extents, anywhere */
	MOF_WATCH,	/* those that were armed lately */
	MOF_HURRY,	/* all, one after the other */
};

/**
 * struct mof_mm - what the automatic mode keeps for an address space
 * @next: time of the next step, in jiffies
 * @busy: somebody is making a step: bit 0, a lock
 * @event: threads have come to another node: look at all of it soon
 * @rotate: when @nodes becomes @nodes_before, in jiffies
 * @nodes: nodes on which threads have run since then
 * @nodes_before: the same of the time before
 * @period: from step to step, in jiffies
 * @soon: the shortest that it may be
 * @quota: samples that the last step had no time for
 * @gait: of the last step
 * @watch: until then, in jiffies, extents that were armed lately are watched
 * @idle_passes: passes over all of it, in a row, that armed nothing
 * @heard: samples touched since the last step
 * @misplaced: those of them that speak for moving an extent
 * @placed: samples touched since the scheduler was last told to sum up
 * @thp_armed: THPs have been armed by their touch since the last step
 * @cursor: address where the next step goes on
 * @size: parts of extents in areas that are sampled, counted by the last pass
 * @counted: the same of the pass that is under way
 * @sweep: index in @extents where the next step looks for unmapped ones
 * @suspect: addresses of extents whose last sample was misplaced
 * @nr_suspects: how many were ever put there
 * @extents: history of the extents, packed, by address >> PMD_SHIFT
 *
 * Lives from the first step until nobody uses the mm any more. What the
 * scheduler's hooks and the faults write (@next, @event, @nodes, @nodes_before;
 * @heard, @misplaced, @placed, @thp_armed, @watch, @suspect, @nr_suspects) is
 * written without a lock, as a hint: at worst a sample is not counted, or a step
 * comes late. All the rest belongs to who has @busy, and makes the step; nobody
 * waits for that.
 *
 * Lock order: @busy, mmap_lock for reading, page table lock, lock of @extents.
 */
struct mof_mm {
	unsigned long next;
	unsigned long busy;
	bool event;
	unsigned long rotate;
	nodemask_t nodes;
	nodemask_t nodes_before;
	unsigned long period;
	unsigned long soon;
	unsigned int quota;
	enum mof_gait gait;
	unsigned long watch;
	unsigned int idle_passes;
	unsigned int heard;
	unsigned int misplaced;
	unsigned int placed;
	bool thp_armed;
	unsigned long cursor;
	unsigned long size;
	unsigned long counted;
	unsigned long sweep;
	unsigned long suspect[MOF_SUSPECTS];
	unsigned int nr_suspects;
	struct xarray extents;
};

/**
 * struct mof_step - one step of the sampler
 * @s: of this address space
 * @gait: what to look at
 * @home: the one node that threads run on, NUMA_NO_NODE if several
 * @quota: how many samples may be taken; on return, how many of them were not
 * @rest: how many are taken at rest, and when watching, of what is not watched
 * @samples: on return, samples taken
 * @armed: on return, extents armed
 * @wrapped: on return, the end of the address space was reached
 * @exhausted: on return, it stopped because it had cost enough
 */
struct mof_step {
	struct mof_mm *s;
	enum mof_gait gait;
	int home;
	unsigned int quota;
	unsigned int rest;
	unsigned int samples;
	unsigned int armed;
	bool wrapped;
	bool exhausted;
};

struct mof_mm *mof_mm_get(struct mm_struct *mm);
bool mof_sample_step(struct mm_struct *mm, struct mof_step *step);
void __mof_mm_exit(struct mm_struct *mm);

static inline void mof_mm_init(struct mm_struct *mm)
{
	mm->mof_mm = NULL;
}

/**
 * mof_mm_exit() - forget what is known about an address space
 * @mm: the address space; nobody uses it any more
 */
static inline void mof_mm_exit(struct mm_struct *mm)
{
	if (mm->mof_mm)
		__mof_mm_exit(mm);
}

/**
 * mof_note_node() - a thread uses an address space on some node
 * @s: what is kept for that
 * @nid: the node
 *
 * Context: any in which @s stays: see Documentation/mm/mof.rst, "State".
 * Return: true if none had done so lately.
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

/* Is the automatic mode on? Partner: the sysctl. Who changes it is late. */
static inline bool mof_automatic(void)
{
	return READ_ONCE(sysctl_numa_balancing_mode) & NUMA_BALANCING_LAZY;
}

#else

static inline void mof_mm_init(struct mm_struct *mm)
{
}

static inline void mof_mm_exit(struct mm_struct *mm)
{
}

#endif /* CONFIG_MIGRATE_ON_FAULT */

#endif /* _LINUX_MOF_BALANCE_H */
