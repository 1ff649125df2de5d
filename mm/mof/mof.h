/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Internal interfaces of migrate-on-fault. See Documentation/mm/mof.rst.
 */
#ifndef _MM_MOF_MOF_H
#define _MM_MOF_MOF_H

#include <linux/mm.h>
#include <linux/mof.h>
#include <linux/mof_events.h>
#include <linux/nodemask.h>
#include <linux/sched/numa_balancing.h>
#include <linux/vm_event_item.h>

#include "points.h"

/* core.c */
#define MOF_WINDOW_MAX	512	/* pages that one fault resolves at most */
#define MOF_WINDOW_SHARE 32	/* a window is this fraction of its run */
extern unsigned int sysctl_mof_window_pages;

void mof_enable(void);
void mof_count(struct mm_struct *mm, enum vm_event_item item, unsigned long nr);
void mof_count_resolved(struct mm_struct *mm, enum mof_outcome outcome,
			unsigned long nr_pages);

/* policy.c */

/**
 * struct mof_query - all that decides where a page should go
 * @mode: MPOL_* mode of the policy in force
 * @nodes: nodes of that policy; not looked at for MPOL_LOCAL
 * @allowed: nodes that the toucher's cpuset allows
 * @memory: nodes that have memory
 * @touch_nid: node of the CPU that touches
 * @page_nid: node of the page
 * @home_nid: home node of the policy, NUMA_NO_NODE if it has none
 * @interleave_nid: where an interleaving policy puts this offset
 * @distance: distance of two nodes, as node_distance()
 */
struct mof_query {
	unsigned short mode;
	const nodemask_t *nodes;
	const nodemask_t *allowed;
	const nodemask_t *memory;
	int touch_nid;
	int page_nid;
	int home_nid;
	int interleave_nid;
	int (*distance)(int from, int to);
};

int mof_target_node(const struct mof_query *q);
bool mof_follows_toucher(unsigned short mode, const nodemask_t *nodes,
			 int home_nid);
unsigned int mof_window_pages(unsigned int run, unsigned int max);

/* target.c */
bool mof_follows(struct vm_area_struct *vma, unsigned long addr);
bool mof_follows_current(struct vm_area_struct *vma, unsigned long addr);
int mof_want_nid(struct vm_area_struct *vma, unsigned long addr, int page_nid);
int mof_policy_target(struct mempolicy *pol, pgoff_t ilx, int page_nid);
int mof_vma_target(struct vm_area_struct *vma, unsigned long addr,
		   struct folio *folio);
int mof_uniform_target(struct vm_area_struct *vma, unsigned long addr,
		       struct folio *folio, bool *uniform);
bool mof_policy_in_place(struct vm_area_struct *vma, unsigned long addr,
			 struct folio *folio, bool *uniform);

/* stock.c */
enum mof_outcome mof_may_move(struct folio *folio, int last_cpupid);
bool mof_file_stays(struct vm_area_struct *vma, struct folio *folio);
bool mof_is_busy(struct folio *folio);
bool mof_isolate(struct folio *folio);
bool mof_touch_again(struct folio *folio, int last_cpupid);
bool mof_all_writable(struct vm_area_struct *vma);
bool mof_node_is_full(int nid, unsigned int nr_pages, unsigned int order);

/* batch.c */
void mof_batch_del(struct folio **folios, unsigned int nr);
void mof_batch_add(struct folio **folios, unsigned int nr);

/* mark.c */

/**
 * struct mof_mark_result - what mof_mark_range() did
 * @marked: base pages marked; those that had the same mark already not counted
 * @failed: misplaced base pages that could not be marked
 * @held: marked folios that have more references than expected: an LRU batch of
 *	  some CPU may hold them
 * @next: where to go on, if the walk has ended early with -EAGAIN
 */
struct mof_mark_result {
	unsigned long marked;
	unsigned long failed;
	unsigned long held;
	unsigned long next;
};

bool mof_migrates_dirty(struct folio *folio);
int mof_mark_range(struct mm_struct *mm, unsigned long start, unsigned long end,
		   unsigned long lazy, struct mof_mark_result *result);

/* history.c */
bool mof_learn(struct vm_area_struct *vma, unsigned long addr, int *page_nid,
	       int want_nid, int *last_cpupid);
bool mof_sample_armed(struct vm_area_struct *vma, unsigned long addr);
void mof_note_toucher(struct mm_struct *mm);

/*
 * Whose mark is it? What is marked for migration, and the samples of the
 * automatic mode, carry a token in the folio's last_cpupid: "pid unset" with a
 * CPU number that no machine has. The highest is "CPU unset", the next five are
 * ours. Where such a CPU exists, a false match costs one early migration.
 */
enum mof_token {
	MOF_TOKEN_MOVE = 1,	/* migrate what only this process maps */
	MOF_TOKEN_MOVE_ALL,	/* migrate what others map, too */
	MOF_TOKEN_MOVE_AGAIN,	/* MOVE, but the folio was busy at one touch */
	MOF_TOKEN_MOVE_ALL_AGAIN,
	MOF_TOKEN_SAMPLE,	/* learn who uses it */
};

static inline int mof_token(enum mof_token token)
{
	return ((LAST__CPU_MASK - token) << LAST__PID_SHIFT) | LAST__PID_MASK;
}

/* Does it say that the folio is marked for migration? */
static inline bool mof_is_token(int cpupid)
{
	int token = LAST__CPU_MASK - (cpupid >> LAST__PID_SHIFT);

	return (cpupid & LAST__PID_MASK) == LAST__PID_MASK &&
	       token >= MOF_TOKEN_MOVE && token <= MOF_TOKEN_MOVE_ALL_AGAIN;
}

static inline bool mof_has_token(struct folio *folio)
{
	return !folio_use_access_time(folio) &&
	       mof_is_token(folio_last_cpupid(folio));
}

/* Has the folio been busy at a touch of the mark already? */
static inline bool mof_is_again(int cpupid)
{
	return cpupid == mof_token(MOF_TOKEN_MOVE_AGAIN) ||
	       cpupid == mof_token(MOF_TOKEN_MOVE_ALL_AGAIN);
}

/* Does the mark have the right to migrate what others map, too? */
static inline bool mof_moves_shared(int cpupid)
{
	return cpupid == mof_token(MOF_TOKEN_MOVE_ALL) ||
	       cpupid == mof_token(MOF_TOKEN_MOVE_ALL_AGAIN);
}

static inline bool mof_is_sample(int cpupid)
{
	return cpupid == mof_token(MOF_TOKEN_SAMPLE);
}

/* What the automatic mode marks for migration where samples say so. */
static inline enum mof_token mof_arm_token(struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_SHARED ? MOF_TOKEN_MOVE_ALL : MOF_TOKEN_MOVE;
}

#endif /* _MM_MOF_MOF_H */
