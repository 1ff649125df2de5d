/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the sampler share: the step that is being made, and the
 * history of extents. See Documentation/mm/mof.rst.
 */
#ifndef _MM_MOF_SAMPLE_H
#define _MM_MOF_SAMPLE_H

#include <linux/mm.h>
#include <linux/mof_balance.h>

#include "extent.h"
#include "mark.h"

/*
 * What a step may cost, in units of about a microsecond: that of looking at an
 * extent, of marking base pages, of going to another VMA and to another walk of
 * it.
 */
#define MOF_STEP_COST	150
#define MOF_COST_PAGES	8	/* a unit marks so many of private memory */
#define MOF_COST_SHARED	5	/* and of shared */
#define MOF_COST_WALK	4
#define MOF_COST_SAMPLE	2	/* besides the unit for looking at an extent */
/*
 * That are left when an extent is armed: what 512 entries cost. Where page tables
 * have more, no step could afford them: one costs more than it should.
 */
#define MOF_COST_ARM	(512 / MOF_COST_SHARED)

/* What a step allocates is a hint: nobody is to be killed for it. */
#define MOF_GFP		(GFP_KERNEL | __GFP_NORETRY)

#define MOF_WATCH_S	5	/* watch an extent so long after it was armed */
#define MOF_PART_SIZE	(PMD_SIZE / MOF_PARTS)

/**
 * struct mof_pass - what a step is doing
 * @picker: what picked.c calls
 * @step: what is asked of it
 * @s: of this address space
 * @left: what the step may still cost
 * @quota: samples that may still be taken
 * @added: extents that had no history before
 * @to_arm: the walk was stopped before an extent that is to be armed
 * @arming: it is being armed
 * @more: another page of the same extent is asked for
 * @jump: parts of extents to pass by before the next one, at rest
 * @now: time in seconds
 * @cursor: where the walk was stopped
 */
struct mof_pass {
	struct mof_picker picker;
	struct mof_step *step;
	struct mof_mm *s;
	int left;
	int quota;
	unsigned int added;
	bool to_arm;
	bool arming;
	bool more;
	unsigned long jump;
	unsigned int now;
	unsigned long cursor;
};

/* history.c */
struct mof_extent mof_extent_get(struct mof_mm *s, unsigned long addr,
				 void **old);
bool mof_extent_put(struct mof_mm *s, unsigned long addr,
		    const struct mof_extent *e, void *old, gfp_t gfp);
void mof_hear(struct mof_mm *s, struct mof_extent *e, unsigned long addr,
	      int want_nid, int page_nid);
void mof_sweep(struct mof_mm *s, struct mm_struct *mm, unsigned int added);

/* pick.c */
enum mof_pick mof_pick(struct mof_picker *picker, struct vm_area_struct *vma,
		       pmd_t *pmd, struct mof_range *r);
void mof_jump(struct mof_pass *p);

#endif /* _MM_MOF_SAMPLE_H */
