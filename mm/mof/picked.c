// SPDX-License-Identifier: GPL-2.0
/*
 * Migrate-on-fault: marks what somebody picks, extent by extent: the samples of
 * the automatic mode, and what it arms. See Documentation/mm/mof.rst.
 */
#include <linux/mm.h>
#include <linux/huge_mm.h>
#include <linux/mmu_notifier.h>
#include <linux/pagewalk.h>
#include <linux/vmstat.h>

#include <trace/events/mof.h>

#include "walk.h"

/* A sample is no mark for migration, and has a counter of its own. */
static void mof_count_picked(struct mof_mark *m, struct mm_struct *mm,
			     const struct mof_range *r, bool thp)
{
	struct mof_picker *picker = m->picker;

	picker->marked += m->done.marked;
	picker->entries += thp ? 1 : m->done.marked;
	if (r->token == MOF_TOKEN_SAMPLE) {
		picker->samples += !!m->done.marked;
		mof_count(mm, MOF_SAMPLES, !!m->done.marked);
		return;
	}
	mof_count(mm, MOF_MARKED, m->done.marked);
	trace_mof_mark(r->start, r->end, m->done.marked, m->done.failed);
}

/*
 * Secondary MMUs are told of what is picked only, not of all that was looked at:
 * they would have to map all of it again.
 */
static void mof_mark_range_picked(struct mof_mark *m,
				  struct vm_area_struct *vma, pmd_t *pmd,
				  const struct mof_range *r)
{
	unsigned long marked = m->done.marked;

	m->token = mof_token(r->token);
	m->samples = r->token == MOF_TOKEN_SAMPLE;
	m->lazy = mof_arm_token(vma) == MOF_TOKEN_MOVE_ALL ? MPOL_MF_MOVE_ALL :
							     MPOL_MF_MOVE;
	m->done = (struct mof_mark_result){};
	/* Never finished: who has the picker flushes all of it at once. */
	m->tlb = (struct mmu_gather){ .mm = vma->vm_mm };
	mmu_notifier_range_init(&m->range, MMU_NOTIFY_PROTECTION_VMA, 0,
				vma->vm_mm, r->start, r->end);
	mmu_notifier_invalidate_range_start(&m->range);
	mof_point(MOF_POINT_PICKED);
	mof_mark_extent(m, vma, r->start, r->end, pmd);
	mof_point(MOF_POINT_SAMPLED);
	mmu_notifier_invalidate_range_end(&m->range);
	mof_count_picked(m, vma->vm_mm, r, pmd_trans_huge(pmdp_get_lockless(pmd)));
	m->done.marked += marked;
}

static int mof_pmd_entry_picked(pmd_t *pmd, unsigned long addr,
				unsigned long end, struct mm_walk *walk)
{
	struct mof_mark *m = walk->private;
	struct mof_range r;
	enum mof_pick pick;

	do {
		r = (struct mof_range){ .start = addr, .end = end };
		pick = m->picker->pick(m->picker, walk->vma, pmd, &r);
		if (pick == MOF_PICK_STOP)
			return 1;
		if (pick != MOF_PICK_SKIP)
			mof_mark_range_picked(m, walk->vma, pmd, &r);
	} while (pick == MOF_PICK_MORE);
	cond_resched();
	return 0;
}

static int mof_test_walk_picked(unsigned long start, unsigned long end,
				struct mm_walk *walk)
{
	return mof_mark_test_vma(walk->private, walk->vma);
}

static int mof_pre_vma_picked(unsigned long start, unsigned long end,
			      struct mm_walk *walk)
{
	struct mof_mark *m = walk->private;

	mof_mark_pre_vma(m, walk->vma, start, end);
	/* Nobody would pick what has only one place to be. */
	m->follows = true;
	return 0;
}

static void mof_post_vma_picked(struct mm_walk *walk)
{
	struct mof_mark *m = walk->private;

	mof_count(walk->mm, NUMA_PTE_UPDATES, m->done.marked);
}

static const struct mm_walk_ops mof_pick_ops = {
	.pmd_entry	= mof_pmd_entry_picked,
	.test_walk	= mof_test_walk_picked,
	.pre_vma	= mof_pre_vma_picked,
	.post_vma	= mof_post_vma_picked,
	.walk_lock	= PGWALK_RDLOCK,
};

/**
 * mof_mark_picked() - mark what somebody picks
 * @mm: the address space
 * @start: start of the range, page aligned
 * @end: end of the range, page aligned
 * @picker: says what to mark of each extent
 *
 * Not marked: what mof_mark_range() does not mark either. If @picker->marked is
 * not 0 afterwards, TLBs are to be flushed.
 *
 * Context: mmap_lock of @mm held for reading, tlb_flush_pending of @mm raised;
 * may sleep.
 * Return: 0, or 1 if the picker has ended the walk.
 */
int mof_mark_picked(struct mm_struct *mm, unsigned long start,
		    unsigned long end, struct mof_picker *picker)
{
	struct mof_mark m = {
		.picker = picker,
		.tiering = mof_tiering(),
	};

	return walk_page_range(mm, start, end, &mof_pick_ops, &m);
}
