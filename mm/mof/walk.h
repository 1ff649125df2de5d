/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the two walks that mark have in common: that of a range, mark.c, and
 * that of what somebody picks, picked.c. See Documentation/mm/mof.rst.
 */
#ifndef _MM_MOF_WALK_H
#define _MM_MOF_WALK_H

#include <linux/mmu_notifier.h>
#include <linux/sched/sysctl.h>

#include <asm/tlb.h>

#include "mark.h"

/**
 * struct mof_mark - a walk that marks
 * @picker: says what to mark of each extent; NULL to mark all
 * @lazy: the flags of the request
 * @token: what tells a fault that the mark is ours
 * @samples: it is that of a sample
 * @tiering: folios on slow nodes have no room for @token
 * @result: what was done in the VMAs before
 * @done: what was done in this VMA
 * @tlb: gathers the flush of this VMA
 * @range: the piece of this VMA that secondary MMUs are told of
 * @announced: the invalidation of @range has started, and not ended
 * @first: where the walk has begun
 * @start: start of the range in this VMA, whole THPs included
 * @end: its end
 * @count_only: this VMA's pages cannot be marked: only look for misplaced ones
 * @cached: look for folios that are cached, but not mapped in this VMA
 * @per_page: this VMA's policy may differ from page to page
 * @follows: it does not, and leaves the target to the toucher
 * @in_place: pages on @nid are where every toucher would want them
 * @nid: node that was last asked for, NUMA_NO_NODE if the next page has to ask
 */
struct mof_mark {
	struct mof_picker *picker;
	unsigned long lazy;
	int token;
	bool samples;
	bool tiering;
	struct mof_mark_result *result;
	struct mof_mark_result done;
	struct mmu_gather tlb;
	struct mmu_notifier_range range;
	bool announced;
	unsigned long first;
	unsigned long start;
	unsigned long end;
	bool count_only;
	bool cached;
	bool per_page;
	bool follows;
	bool in_place;
	int nid;
};

/* mark.c */
bool mof_mark_extent(struct mof_mark *m, struct vm_area_struct *vma,
		     unsigned long addr, unsigned long end, pmd_t *pmd);
int mof_mark_test_vma(struct mof_mark *m, struct vm_area_struct *vma);
void mof_mark_pre_vma(struct mof_mark *m, struct vm_area_struct *vma,
		      unsigned long start, unsigned long end);

static inline bool mof_tiering(void)
{
	/* Partner: the sysctl. Who changes it meanwhile is late. */
	return READ_ONCE(sysctl_numa_balancing_mode) &
	       NUMA_BALANCING_MEMORY_TIERING;
}

#endif /* _MM_MOF_WALK_H */
