// SPDX-License-Identifier: GPL-2.0
/*
 * Migrate-on-fault: which page of an extent the automatic mode marks, if any, to
 * learn who uses it; or that it is to be armed. See Documentation/mm/mof.rst.
 */
#include <linux/mm.h>
#include <linux/huge_mm.h>
#include <linux/random.h>

#include "../internal.h"
#include "mof.h"
#include "sample.h"

#define MOF_LOOKS	4	/* pages looked at to find one in use */

/*
 * Another mapping of the folio, or of another page of it, may be marked, too:
 * then its token has to stay. Without another one, a token is from a mark that is
 * gone.
 */
static bool mof_token_is_needed(struct folio *folio)
{
	int cpupid = folio_last_cpupid(folio);

	return (mof_is_token(cpupid) || mof_is_sample(cpupid)) &&
	       folio_mapcount(folio) > 1;
}

/* May this be a sample? If it could not move, its touch would be for nothing. */
static bool mof_may_be_sample(struct vm_area_struct *vma, struct folio *folio)
{
	return mof_folio_can_migrate(folio) && !mof_token_is_needed(folio) &&
	       (mof_arm_token(vma) == MOF_TOKEN_MOVE_ALL ||
		!folio_likely_mapped_shared(folio));
}

/* The node of a page, if it may be a sample. */
static int mof_page_nid(struct vm_area_struct *vma, unsigned long addr,
			pte_t pte)
{
	struct folio *folio;

	if (!pte_present(pte) || pte_protnone(pte))
		return NUMA_NO_NODE;
	folio = vm_normal_folio(vma, addr, pte);
	return folio && mof_may_be_sample(vma, folio) ? folio_nid(folio) :
							NUMA_NO_NODE;
}

/* Any page of the page table, better one in use. Makes @r that page. */
static int mof_find_page(struct vm_area_struct *vma, pmd_t *pmd,
			 struct mof_range *r)
{
	unsigned long start = r->start;
	unsigned int nr = (r->end - start) >> PAGE_SHIFT, at, look;
	int nid, found = NUMA_NO_NODE;
	spinlock_t *ptl;
	pte_t *ptep;

	ptep = pte_offset_map_lock(vma->vm_mm, pmd, start, &ptl);
	if (!ptep)
		return NUMA_NO_NODE;
	at = get_random_u32_below(nr);
	for (look = 0; look < MOF_LOOKS; look++) {
		nid = mof_page_nid(vma, start + at * PAGE_SIZE,
				   ptep_get(ptep + at));
		if (nid != NUMA_NO_NODE) {
			found = nid;
			r->start = start + at * PAGE_SIZE;
			if (pte_young(ptep_get(ptep + at)))
				break;
		}
		at = (at + nr / MOF_LOOKS + 1) % nr;
	}
	pte_unmap_unlock(ptep, ptl);
	r->end = r->start + PAGE_SIZE;
	return found;
}

/*
 * The node of a page that can be a sample of the extent, if there is one. Makes
 * @r that page; a THP is one sample.
 */
static int mof_find(struct vm_area_struct *vma, pmd_t *pmd, struct mof_range *r)
{
	struct folio *folio = NULL;
	int nid = NUMA_NO_NODE;
	spinlock_t *ptl;

	ptl = pmd_trans_huge_lock(pmd, vma);
	if (!ptl)
		return mof_find_page(vma, pmd, r);
	if (pmd_present(*pmd) && !pmd_protnone(*pmd))
		folio = vm_normal_folio_pmd(vma, r->start, *pmd);
	if (folio && mof_may_be_sample(vma, folio))
		nid = folio_nid(folio);
	spin_unlock(ptl);
	return nid;
}

/* Stop before the extent at @addr. */
static enum mof_pick mof_pick_stop(struct mof_pass *p, unsigned long addr)
{
	p->cursor = addr;
	return MOF_PICK_STOP;
}

/* Stop before the extent, for mof_arm() to arm it. */
static enum mof_pick mof_pick_arm(struct mof_pass *p, unsigned long addr)
{
	p->to_arm = true;
	return mof_pick_stop(p, addr);
}

/* Without memory for a history the step ends: who reclaims some has done enough. */
static bool mof_pick_put(struct mof_pass *p, unsigned long addr,
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

static enum mof_pick mof_pick_sample(struct mof_pass *p, struct mof_extent *e,
				     void *old, struct mof_range *r, bool again)
{
	/* Two pages at once, if nothing is known and it is to be known soon. */
	bool more = p->step->gait == MOF_HURRY && !e->streak && !e->pending &&
		    r->end - r->start == PAGE_SIZE;

	/* If nobody comes, mark ever less: each mark will cost a fault. */
	if (!again && e->pending && get_random_u32_below(1U << e->pending))
		return MOF_PICK_SKIP;
	e->pending = min(e->pending + 1, MOF_PENDING_MAX);
	if (!mof_pick_put(p, r->start, e, old))
		return MOF_PICK_SKIP;
	r->token = MOF_TOKEN_SAMPLE;
	p->left -= MOF_COST_SAMPLE;
	p->quota--;
	p->more = more;
	return more ? MOF_PICK_MORE : MOF_PICK_MARK;
}

/* All threads are on one node: no need to ask who uses the extent. */
static enum mof_pick mof_pick_known(struct mof_pass *p, struct mof_extent *e,
				    struct vm_area_struct *vma,
				    unsigned long addr, int page_nid, void *old)
{
	int want_nid = mof_want_nid(vma, addr, page_nid);

	p->quota--;
	if (want_nid == page_nid && !old)
		return MOF_PICK_SKIP;
	mof_hear(p->s, e, addr, want_nid, page_nid);
	if (!mof_pick_put(p, addr, e, old))
		return MOF_PICK_SKIP;
	return e->armed ? mof_pick_arm(p, addr) : MOF_PICK_SKIP;
}

/* Is it to be seen whether its move pays? */
static bool mof_is_watched(const struct mof_pass *p, const struct mof_extent *e)
{
	return e->moves && e->streak < MOF_PAYS_STREAK &&
	       mof_extent_since(e, p->now) <= MOF_WATCH_S;
}

/* Those that are not watched still get as many samples as they have at rest. */
static bool mof_is_one_of_a_few(const struct mof_pass *p)
{
	unsigned long size = max(p->s->size, 1UL);

	return get_random_u32_below(size) < p->step->rest * MOF_PARTS;
}

/*
 * An extent that has parts in several areas has one history: they take turns by
 * their size.
 */
static bool mof_is_passed_by(const struct mof_range *r)
{
	unsigned long nr = (r->end - r->start) >> PAGE_SHIFT;

	return nr < PTRS_PER_PTE && get_random_u32_below(PTRS_PER_PTE) >=
				    max_t(unsigned long, nr,
					  PTRS_PER_PTE / MOF_PARTS);
}

/**
 * mof_jump() - how many parts of extents to pass by before the next one
 * @p: the step; at rest, what is looked at lies scattered over all areas
 *
 * Context: any.
 */
void mof_jump(struct mof_pass *p)
{
	if (p->step->gait == MOF_REST)
		p->jump = get_random_u32_below(2 * p->s->size /
					       p->step->quota + 1);
}

/**
 * mof_pick() - what is to be marked in an extent?
 * @picker: the step
 * @vma: an area
 * @pmd: entry of the extent
 * @r: the part of it that is in @vma; on return, what is to be marked
 *
 * Context: mmap_lock held for reading; may sleep.
 * Return: see &struct mof_picker.
 */
enum mof_pick mof_pick(struct mof_picker *picker, struct vm_area_struct *vma,
		       pmd_t *pmd, struct mof_range *r)
{
	struct mof_pass *p = container_of(picker, struct mof_pass, picker);
	bool again = p->more;	/* for this extent */
	unsigned long addr = r->start;
	struct mof_extent e;
	void *old;
	int nid;

	p->more = false;
	if (p->arming) {
		r->token = mof_arm_token(vma);
		return MOF_PICK_MARK;
	}
	if (--p->left < 0 || p->quota <= 0 || p->jump)
		return mof_pick_stop(p, addr);
	e = mof_extent_get(p->s, addr, &old);
	if (e.armed)
		return mof_pick_arm(p, addr);
	if (p->step->gait == MOF_WATCH && !mof_is_watched(p, &e) &&
	    !mof_is_one_of_a_few(p))
		return MOF_PICK_SKIP;
	if (!again && p->step->gait != MOF_REST && mof_is_passed_by(r))
		return MOF_PICK_SKIP;
	nid = mof_find(vma, pmd, r);
	if (nid == NUMA_NO_NODE)
		return MOF_PICK_SKIP;
	mof_jump(p);
	if (p->step->home != NUMA_NO_NODE)
		return mof_pick_known(p, &e, vma, addr, nid, old);
	return mof_pick_sample(p, &e, old, r, again);
}

