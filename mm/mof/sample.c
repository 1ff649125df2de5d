// SPDX-License-Identifier: GPL-2.0
/*
 * Migrate-on-fault: the sampling of the automatic mode. A step samples some
 * extents: it marks one page of each, and the next touch tells who uses the
 * extent. If all threads run on one node, that is known without a mark. Extents
 * that were found misplaced are armed: all of their pages are marked for
 * migration. See Documentation/mm/mof.rst.
 */
#include <linux/mm.h>
#include <linux/huge_mm.h>
#include <linux/mempolicy.h>
#include <linux/mmap_lock.h>
#include <linux/pagewalk.h>
#include <linux/random.h>
#include <linux/sched/clock.h>
#include <linux/timekeeping.h>

#include <trace/events/mof.h>

#include <asm/tlbflush.h>

#include "../internal.h"
#include "mof.h"
#include "sample.h"

/*
 * The budget of a step and the costs charged to it, in units of about a
 * microsecond; looking at an extent costs one.
 */
#define MOF_STEP_COST	150
#define MOF_COST_PAGES	8	/* base pages of private memory marked per unit */
#define MOF_COST_SHARED	5	/* the same for shared memory */
#define MOF_COST_WALK	4	/* another VMA, or another walk of it */
#define MOF_COST_SAMPLE	2
/*
 * Budget that must be left to arm an extent: the cost of 512 entries. Where page
 * tables have more, no step could afford them, and the step overruns.
 */
#define MOF_COST_ARM	(512 / MOF_COST_SHARED)

#define MOF_LOOKS	4	/* pages looked at to find an accessed one */
#define MOF_PART_SIZE	(PMD_SIZE / MOF_PARTS)

/**
 * struct mof_pass - a step in progress
 * @step: the request
 * @s: state of the address space
 * @left: budget left
 * @quota: samples left to take
 * @samples: samples taken
 * @marked: entries were marked: TLBs need a flush
 * @added: extents that had no history before
 * @to_arm: the walk has stopped before an extent that is to be armed
 * @jump: parts of extents to skip before the next sample of a sparse step
 * @now: time in seconds
 * @cursor: where the walk has stopped
 */
struct mof_pass {
	struct mof_step *step;
	struct mof_mm *s;
	int left;
	int quota;
	unsigned int samples;
	bool marked;
	unsigned int added;
	bool to_arm;
	unsigned long jump;
	unsigned int now;
	unsigned long cursor;
};

/*
 * The rules of the stock scanner: no VMA that cannot migrate or be accessed, no
 * shared library, none whose policy lacks MPOL_F_MOF. VMAs whose target does not
 * depend on the CPU are skipped, too.
 */
static bool mof_vma_sampled(struct vm_area_struct *vma)
{
	if (!vma_is_accessible(vma) || !mof_vma_can_migrate(vma) ||
	    (vma->vm_file && (vma->vm_flags & (VM_READ | VM_WRITE)) == VM_READ))
		return false;
	return vma_policy_mof(vma) &&
	       mof_target_varies(vma, vma->vm_start, current);
}

/* Cost of marking so many entries */
static int mof_cost(struct vm_area_struct *vma, unsigned int entries)
{
	return entries / (vma->vm_flags & VM_SHARED ? MOF_COST_SHARED :
						      MOF_COST_PAGES);
}

/* Skip a random number of parts, so that sparse samples are scattered. */
static void mof_jump(struct mof_pass *p)
{
	if (p->step->scan == MOF_SCAN_SPARSE)
		p->jump = get_random_u32_below(2 * p->s->size /
					       p->step->quota + 1);
}

/*
 * If another mapping of the folio or of one of its pages may be marked, its token
 * has to stay. Without another mapping, a token is left from a mark that is gone.
 */
static bool mof_token_in_use(struct folio *folio)
{
	int cpupid = folio_last_cpupid(folio);

	return (mof_is_token(cpupid) || mof_is_sample(cpupid)) &&
	       folio_mapcount(folio) > 1;
}

/* A folio that could not migrate is no sample: its fault would be wasted. */
static bool mof_may_be_sample(struct vm_area_struct *vma, struct folio *folio)
{
	return mof_folio_can_migrate(folio) && !mof_token_in_use(folio) &&
	       (mof_arm_token(vma) == MOF_TOKEN_MOVE_ALL ||
		!folio_likely_mapped_shared(folio));
}

/*
 * Find a page to sample in [*start, *end), preferably an accessed one, and return
 * its node; NUMA_NO_NODE if there is none. Narrows the range to that page. A THP
 * is one sample.
 */
static int mof_find_sample(struct vm_area_struct *vma, pmd_t *pmd,
			   unsigned long *start, unsigned long *end)
{
	unsigned int nr = (*end - *start) >> PAGE_SHIFT, at, look;
	unsigned long addr, first = *start;
	int nid = NUMA_NO_NODE;
	struct folio *folio;
	spinlock_t *ptl;
	pte_t *ptes, pte;

	ptl = pmd_trans_huge_lock(pmd, vma);
	if (ptl) {
		if (pmd_present(*pmd) && !pmd_protnone(*pmd)) {
			folio = vm_normal_folio_pmd(vma, first, *pmd);
			if (folio && mof_may_be_sample(vma, folio))
				nid = folio_nid(folio);
		}
		spin_unlock(ptl);
		return nid;
	}

	ptes = pte_offset_map_lock(vma->vm_mm, pmd, first, &ptl);
	if (!ptes)
		return NUMA_NO_NODE;
	at = get_random_u32_below(nr);
	for (look = 0; look < MOF_LOOKS; look++) {
		addr = first + at * PAGE_SIZE;
		pte = ptep_get(ptes + at);
		folio = NULL;
		if (pte_present(pte) && !pte_protnone(pte))
			folio = vm_normal_folio(vma, addr, pte);
		if (folio && mof_may_be_sample(vma, folio)) {
			nid = folio_nid(folio);
			*start = addr;
			if (pte_young(pte))
				break;
		}
		at = (at + nr / MOF_LOOKS + 1) % nr;
	}
	pte_unmap_unlock(ptes, ptl);
	*end = *start + PAGE_SIZE;
	return nid;
}

/*
 * If a history cannot be allocated, end the step: it has spent its time in reclaim.
 */
static bool mof_pass_put(struct mof_pass *p, unsigned long addr,
			 const struct mof_extent *e, void *old)
{
	if (!mof_extent_put(p->s, addr, e, old, MOF_GFP)) {
		if (!old)
			p->quota = 0;
		return false;
	}
	p->added += !old;
	return true;
}

/*
 * Mark a sample. Returns true if another page of the extent should be sampled at
 * once: two samples arm an extent, so a full pass takes both.
 */
static bool mof_mark_sample(struct mof_pass *p, struct mof_extent *e, void *old,
			    struct vm_area_struct *vma, pmd_t *pmd,
			    unsigned long start, unsigned long end, bool second)
{
	bool more = p->step->scan == MOF_SCAN_FULL && !e->streak &&
		    !e->pending && end - start == PAGE_SIZE;
	unsigned int entries;

	/* Back off from extents that nobody touches: each mark costs a fault. */
	if (!second && e->pending && get_random_u32_below(1U << e->pending))
		return false;
	e->pending = min(e->pending + 1, MOF_PENDING_MAX);
	if (!mof_pass_put(p, start, e, old))
		return false;
	p->left -= MOF_COST_SAMPLE;
	p->quota--;
	entries = mof_mark_part(vma, pmd, start, end, MOF_TOKEN_SAMPLE);
	p->samples += !!entries;
	p->marked |= !!entries;
	return more;
}

/*
 * All threads run on one node: record a sample without marking it. Returns true
 * if it arms the extent.
 */
static bool mof_record_known(struct mof_pass *p, struct mof_extent *e, void *old,
			     struct vm_area_struct *vma, unsigned long addr,
			     int page_nid)
{
	int want_nid = mof_target(vma, addr, 0, page_nid, NULL);

	p->quota--;
	if (want_nid == NUMA_NO_NODE)
		want_nid = page_nid;
	if (want_nid == page_nid && !old)
		return false;
	mof_record(p->s, e, addr, want_nid, page_nid);
	return mof_pass_put(p, addr, e, old) && e->armed;
}

/* Does the step leave this part of an extent out? */
static bool mof_skips(const struct mof_pass *p, const struct mof_extent *e,
		      unsigned int nr_pages)
{
	/* A follow-up samples recently armed extents, and a few others. */
	if (p->step->scan == MOF_SCAN_FOLLOW_UP &&
	    !(e->moves && e->streak < MOF_PAYS_STREAK &&
	      mof_extent_since(e, p->now) <= MOF_FOLLOW_UP_S) &&
	    get_random_u32_below(max(p->s->size, 1UL)) >=
	    p->step->sparse * MOF_PARTS)
		return true;
	/*
	 * An extent with parts in several VMAs has one history: they take turns,
	 * by their sizes.
	 */
	return p->step->scan != MOF_SCAN_SPARSE && nr_pages < PTRS_PER_PTE &&
	       get_random_u32_below(PTRS_PER_PTE) >=
	       max_t(unsigned int, nr_pages, PTRS_PER_PTE / MOF_PARTS);
}

static int mof_sample_pmd(pmd_t *pmd, unsigned long addr, unsigned long end,
			  struct mm_walk *walk)
{
	struct vm_area_struct *vma = walk->vma;
	struct mof_pass *p = walk->private;
	unsigned long page, page_end;
	bool second = false;
	struct mof_extent e;
	void *old;
	int nid;

	do {
		p->cursor = addr;
		if (--p->left < 0 || p->quota <= 0 || p->jump)
			return 1;
		e = mof_extent_get(p->s, addr, &old);
		p->to_arm = e.armed;
		if (p->to_arm)
			return 1;
		if (!second && mof_skips(p, &e, (end - addr) >> PAGE_SHIFT))
			break;
		page = addr;
		page_end = end;
		nid = mof_find_sample(vma, pmd, &page, &page_end);
		if (nid == NUMA_NO_NODE)
			break;
		mof_jump(p);
		if (p->step->only_nid != NUMA_NO_NODE) {
			p->to_arm = mof_record_known(p, &e, old, vma, addr, nid);
			if (p->to_arm)
				return 1;
			break;
		}
		second = mof_mark_sample(p, &e, old, vma, pmd, page, page_end,
					 second);
	} while (second);
	cond_resched();
	return 0;
}

static const struct mm_walk_ops mof_sample_ops = {
	.pmd_entry	= mof_sample_pmd,
	.walk_lock	= PGWALK_RDLOCK,
};

static int mof_arm_pmd(pmd_t *pmd, unsigned long addr, unsigned long end,
		       struct mm_walk *walk)
{
	struct vm_area_struct *vma = walk->vma;
	struct mof_pass *p = walk->private;
	unsigned int entries;

	entries = mof_mark_part(vma, pmd, addr, end, mof_arm_token(vma));
	p->marked |= !!entries;
	p->left -= mof_cost(vma, entries);
	cond_resched();
	return 0;
}

static const struct mm_walk_ops mof_arm_ops = {
	.pmd_entry	= mof_arm_pmd,
	.walk_lock	= PGWALK_RDLOCK,
};

static unsigned long mof_arm_part(struct mof_pass *p,
				  struct vm_area_struct *vma,
				  unsigned long start, unsigned long end)
{
	walk_page_range(vma->vm_mm, start, end, &mof_arm_ops, p);
	return end;
}

typedef unsigned long (*mof_part_fn)(struct mof_pass *p,
				     struct vm_area_struct *vma,
				     unsigned long start, unsigned long end);

/* Call @visit for the extent at @addr: once for each VMA that has a part of it. */
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

/* Mark the pages of the extent at @addr for migration. */
static void mof_arm(struct mof_pass *p, struct mm_struct *mm, unsigned long addr)
{
	struct mof_extent e;
	void *old;

	e = mof_extent_get(p->s, addr, &old);
	if (!e.armed)
		return;		/* a fault has armed it concurrently */
	mof_extent_armed(&e, p->now);
	if (!mof_extent_put(p->s, addr, &e, old, MOF_GFP))
		return;
	trace_mof_arm(addr & PMD_MASK, e.moves);
	mof_count(mm, MOF_ARMED, 1);
	p->step->armed++;
	mof_point(MOF_POINT_ARMING);
	mof_each_part(p, mm, addr, mof_arm_part);
}

/* Sample a range of @vma. Returns where to continue. */
static unsigned long mof_sample_range(struct mof_pass *p,
				      struct vm_area_struct *vma,
				      unsigned long start, unsigned long end)
{
	p->left -= MOF_COST_WALK;
	p->to_arm = false;
	if (walk_page_range(vma->vm_mm, start, end, &mof_sample_ops, p) != 1)
		p->cursor = end;
	if (!p->to_arm)
		return p->cursor;
	if (p->left < min(mof_cost(vma, PTRS_PER_PTE), MOF_COST_ARM)) {
		p->left = 0;
		return p->cursor;
	}
	mof_arm(p, vma->vm_mm, p->cursor);
	return min(ALIGN(p->cursor + 1, PMD_SIZE), end);
}

static unsigned long mof_parts_in(unsigned long start, unsigned long end)
{
	return (end - 1) / MOF_PART_SIZE - start / MOF_PART_SIZE + 1;
}

/*
 * Continue in @vma at @start. Returns where to go on. Jumps are measured in parts
 * of extents, so that VMAs smaller than an extent get their share and no more.
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
	return mof_sample_range(p, vma, start,
				min(ALIGN(start + 1, PUD_SIZE), vma->vm_end));
}

/* Sample from the cursor on until the step has done enough. */
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

static void mof_visit_candidates(struct mof_pass *p, struct mm_struct *mm)
{
	unsigned int nr = min(READ_ONCE(p->s->nr_candidates), MOF_CANDIDATES);
	enum mof_scan scan = p->step->scan;

	p->step->scan = MOF_SCAN_FULL;
	p->quota = nr;
	for (; nr && p->left > MOF_COST_ARM + MOF_COST_WALK; nr--)
		mof_each_part(p, mm, READ_ONCE(p->s->candidate[nr - 1]),
			      mof_sample_range);
	p->step->scan = scan;
	p->quota = p->step->quota;
	/* Pairs with mof_add_candidate(). A lost candidate is only a lost hint. */
	WRITE_ONCE(p->s->nr_candidates, nr);
}

/**
 * mof_sample_step() - sample some extents of an address space
 * @mm: the address space, that of the current task
 * @step: the request; the results are added here
 *
 * Context: may sleep; takes mmap_lock for reading.
 * Return: false if mmap_lock is held for writing: nothing was done.
 */
bool mof_sample_step(struct mm_struct *mm, struct mof_step *step)
{
	u64 since = trace_mof_step_enabled() ? local_clock() : 0;
	struct mof_pass p = {
		.step = step,
		.s = step->s,
		.left = MOF_STEP_COST,
		.now = ktime_get_seconds(),
	};

	mof_enable();
	if (!mmap_read_trylock(mm))
		return false;
	/* Samples are scattered: one flush serves all of them. */
	inc_tlb_flush_pending(mm);
	mof_visit_candidates(&p, mm);
	mof_jump(&p);
	mof_visit(&p, mm);
	/* The last step may have ended just before the end of the last VMA. */
	if (step->scan == MOF_SCAN_SPARSE && step->wrapped &&
	    p.quota == step->quota)
		mof_visit(&p, mm);
	if (p.marked)
		flush_tlb_mm(mm);
	dec_tlb_flush_pending(mm);
	mof_prune(p.s, mm, p.added);
	mmap_read_unlock(mm);
	step->exhausted = !step->wrapped && p.quota > 0;
	step->quota = max(p.quota, 0);
	step->samples = p.samples;
	if (step->armed)
		WRITE_ONCE(step->s->follow_up, jiffies + MOF_FOLLOW_UP_S * HZ);
	if (since)
		trace_mof_step(step, local_clock() - since);
	return true;
}
