// SPDX-License-Identifier: GPL-2.0
/*
 * Migrate-on-fault: the memory side of the automatic mode. A step looks at one
 * page of each of some extents. Where threads run on several nodes it marks that
 * page, to learn from its fault who uses the extent; where all run on one node,
 * it knows. Extents that have been found misplaced are armed: marked for
 * migration. See Documentation/mm/mof.rst.
 */
#include <linux/mm.h>
#include <linux/mempolicy.h>
#include <linux/mmap_lock.h>
#include <linux/mof_balance.h>
#include <linux/sched/clock.h>
#include <linux/timekeeping.h>

#include <trace/events/mof.h>

#include <asm/tlbflush.h>

#include "../internal.h"
#include "mof.h"
#include "sample.h"

/*
 * As the stock scanner has it: no memory that is not to move or that nobody can
 * touch, no shared libraries, nobody's whose policy has not asked for balancing;
 * and none that has only one place to be.
 */
static bool mof_vma_sampled(struct vm_area_struct *vma)
{
	if (!vma_is_accessible(vma) || !mof_vma_can_migrate(vma) ||
	    (vma->vm_file && (vma->vm_flags & (VM_READ | VM_WRITE)) == VM_READ))
		return false;
	return vma_policy_mof(vma) && mof_follows_current(vma, vma->vm_start);
}

static unsigned long mof_parts_in(unsigned long start, unsigned long end)
{
	return (end - 1) / MOF_PART_SIZE - start / MOF_PART_SIZE + 1;
}

/* What it costs to mark so many entries. */
static int mof_cost(struct vm_area_struct *vma, unsigned long entries)
{
	return entries / (vma->vm_flags & VM_SHARED ? MOF_COST_SHARED :
						      MOF_COST_PAGES);
}

typedef unsigned long (*mof_part_fn)(struct mof_pass *p,
				     struct vm_area_struct *vma,
				     unsigned long start, unsigned long end);

/* The parts of areas that the extent at @addr consists of */
static void mof_each_part(struct mof_pass *p, struct mm_struct *mm,
			  unsigned long addr, mof_part_fn visit)
{
	unsigned long start = addr & PMD_MASK, end = start + PMD_SIZE;
	struct vm_area_struct *vma;
	struct vma_iterator vmi;

	vma_iter_init(&vmi, mm, start);
	for_each_vma_range(vmi, vma, end)
		if (mof_vma_sampled(vma))
			visit(p, vma, max(start, vma->vm_start),
			      min(end, vma->vm_end));
}

static unsigned long mof_arm_part(struct mof_pass *p,
				  struct vm_area_struct *vma,
				  unsigned long start, unsigned long end)
{
	unsigned long before = p->picker.entries;

	mof_mark_picked(vma->vm_mm, start, end, &p->picker);
	p->left -= mof_cost(vma, p->picker.entries - before);
	return end;
}

/* Mark the pages of the extent at @addr for migration. */
static void mof_arm(struct mof_pass *p, struct mm_struct *mm, unsigned long addr)
{
	struct mof_extent e;
	void *old;

	e = mof_extent_get(p->s, addr, &old);
	if (!e.armed)
		return;		/* a fault was faster */
	mof_extent_armed(&e, p->now);
	if (!mof_extent_put(p->s, addr, &e, old, MOF_GFP))
		return;
	trace_mof_arm(addr & PMD_MASK, e.moves);
	mof_count(mm, MOF_ARMED, 1);
	p->step->armed++;
	mof_point(MOF_POINT_ARMING);
	p->arming = true;
	mof_each_part(p, mm, addr, mof_arm_part);
	p->arming = false;
}

/* Let mof_pick() have a part of @vma. Returns where to go on. */
static unsigned long mof_pick_part(struct mof_pass *p,
				   struct vm_area_struct *vma,
				   unsigned long start, unsigned long end)
{
	p->left -= MOF_COST_WALK;
	p->cursor = end;
	p->to_arm = false;
	p->more = false;
	mof_mark_picked(vma->vm_mm, start, end, &p->picker);
	if (!p->to_arm)
		return p->cursor;
	if (p->left < min(mof_cost(vma, PTRS_PER_PTE), MOF_COST_ARM)) {
		p->left = 0;
		return p->cursor;
	}
	mof_arm(p, vma->vm_mm, p->cursor);
	return min(ALIGN(p->cursor + 1, PMD_SIZE), end);
}

/*
 * Walk a part of @vma from @start on. Returns where to go on. Jumps are measured
 * in parts of extents, as areas that are smaller than an extent are to have their
 * share, but no more: nor has what comes after them.
 */
static unsigned long mof_walk(struct mof_pass *p, struct vm_area_struct *vma,
			      unsigned long start)
{
	unsigned long nr = mof_parts_in(start, vma->vm_end);

	if (p->jump >= nr) {
		p->jump -= nr;
		return vma->vm_end;
	}
	start = max(start, (start + p->jump * MOF_PART_SIZE) & PMD_MASK);
	p->jump = 0;
	return mof_pick_part(p, vma, start,
			     min(ALIGN(start + 1, PUD_SIZE), vma->vm_end));
}

/* From the cursor on, until the step has done enough. */
static void mof_visit(struct mof_pass *p, struct mm_struct *mm)
{
	unsigned long at = p->s->cursor;
	struct vm_area_struct *vma;
	struct vma_iterator vmi;

	vma_iter_init(&vmi, mm, at);
	for_each_vma(vmi, vma) {
		at = max(at, vma->vm_start);
		if (--p->left < 0 || p->quota <= 0)
			break;
		if (!mof_vma_sampled(vma)) {
			at = vma->vm_end;
			continue;
		}
		while (at < vma->vm_end && p->left > 0 && p->quota > 0)
			at = mof_walk(p, vma, at);
		if (at < vma->vm_end)
			break;
		p->s->counted += mof_parts_in(vma->vm_start, vma->vm_end);
	}
	p->s->cursor = vma ? at : 0;
	p->step->wrapped = !vma;
	if (!vma) {
		p->s->size = p->s->counted;
		p->s->counted = 0;
	}
}

static void mof_visit_suspects(struct mof_pass *p, struct mm_struct *mm)
{
	unsigned int nr = min(READ_ONCE(p->s->nr_suspects), MOF_SUSPECTS);
	enum mof_gait gait = p->step->gait;

	p->step->gait = MOF_HURRY;
	p->quota = nr;
	for (; nr && p->left > MOF_COST_ARM + MOF_COST_WALK; nr--)
		mof_each_part(p, mm, READ_ONCE(p->s->suspect[nr - 1]),
			      mof_pick_part);
	p->step->gait = gait;
	p->quota = p->step->quota;
	/* Partner: mof_suspect(). What comes meanwhile is only a hint. */
	WRITE_ONCE(p->s->nr_suspects, nr);
}

/* One flush for all that is marked: it is scattered. */
static void mof_visit_all(struct mof_pass *p, struct mm_struct *mm)
{
	inc_tlb_flush_pending(mm);
	mof_visit_suspects(p, mm);
	mof_jump(p);
	mof_visit(p, mm);
	/* The last step has ended near the end of it all, and left nothing. */
	if (p->step->gait == MOF_REST && p->step->wrapped &&
	    p->quota == p->step->quota)
		mof_visit(p, mm);
	if (p->picker.marked)
		flush_tlb_mm(mm);
	dec_tlb_flush_pending(mm);
}

/**
 * mof_sample_step() - look at some extents of an address space
 * @mm: the address space, that of the current task
 * @step: what to look at; what was found is noted here
 *
 * Context: may sleep; takes mmap_lock for reading.
 * Return: false if somebody holds it for writing: nothing was done.
 */
bool mof_sample_step(struct mm_struct *mm, struct mof_step *step)
{
	u64 since = trace_mof_step_enabled() ? local_clock() : 0;
	struct mof_pass p = {
		.picker.pick = mof_pick,
		.step = step,
		.s = step->s,
		.left = MOF_STEP_COST,
		.now = ktime_get_seconds(),
	};

	mof_enable();
	if (!mmap_read_trylock(mm))
		return false;
	mof_visit_all(&p, mm);
	mof_sweep(p.s, mm, p.added);
	mmap_read_unlock(mm);
	step->exhausted = !step->wrapped && p.quota > 0;
	step->quota = max(p.quota, 0);
	step->samples = p.picker.samples;
	if (step->armed)
		WRITE_ONCE(step->s->watch, jiffies + MOF_WATCH_S * HZ);
	if (since)
		trace_mof_step(step, local_clock() - since);
	return true;
}
