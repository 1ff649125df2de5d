// SPDX-License-Identifier: GPL-2.0
/*
 * Migrate-on-fault: decides what a hinting fault on one of our marks does where
 * window.c leaves the migration to the stock code, do_numa_page() and
 * do_huge_pmd_numa_page(), and counts how it ended.
 * See Documentation/mm/mof.rst.
 */
#include <linux/mm.h>
#include <linux/error-injection.h>
#include <linux/huge_mm.h>
#include <linux/mempolicy.h>
#include <linux/mmzone.h>

#include <trace/events/mof.h>

#include "../internal.h"
#include "mof.h"

/*
 * Is it our mark? The token tells. A folio whose last_cpupid holds an access
 * time has none: there an entry is ours if no scanner would have marked it,
 * because the policy lacks MPOL_F_MOF.
 */
static bool mof_is_explicit(struct folio *folio, const struct mempolicy *pol,
			    int last_cpupid)
{
	if (folio_use_access_time(folio))
		return !(pol->flags & MPOL_F_MOF);
	return mof_is_token(last_cpupid);
}

/**
 * mof_may_move() - may the folio be migrated for this mapping?
 * @folio: a misplaced folio that a marked entry maps
 * @last_cpupid: its last_cpupid
 *
 * Who asked for MPOL_MF_MOVE_ALL had the right to move what others map, too, and
 * left its own token.
 *
 * Context: page table lock held.
 * Return: MOF_OUT_TRYING, or why not.
 */
enum mof_outcome mof_may_move(struct folio *folio, int last_cpupid)
{
	if (last_cpupid != mof_token(MOF_TOKEN_MOVE_ALL) && folio_likely_mapped_shared(folio))
		return MOF_OUT_SHARED;
	if (folio_maybe_dma_pinned(folio))
		return MOF_OUT_PINNED;
	return MOF_OUT_TRYING;
}

/*
 * One shot: from now on the folio has no more history than a fresh one. If it
 * stays because fork(2) has made it shared, the other mappings are marked, too:
 * their touches must still find the token. Of shared mappings fork(2) copies
 * nothing, and who else maps the folio has no marks.
 */
static void mof_forget_token(struct folio *folio, struct vm_area_struct *vma,
			     enum mof_outcome outcome)
{
	if (outcome == MOF_OUT_SHARED && !(vma->vm_flags & VM_SHARED))
		return;
	if (!folio_use_access_time(folio))
		folio_xchg_last_cpupid(folio, -1);
}

static int mof_resolve(struct folio *folio, struct vm_fault *vmf,
		       struct mempolicy *pol, pgoff_t ilx, int last_cpupid)
{
	int target_nid = mof_policy_target(pol, ilx, folio_nid(folio));
	struct mm_struct *mm = vmf->vma->vm_mm;
	enum mof_outcome outcome = MOF_OUT_LOCAL;

	if (target_nid != NUMA_NO_NODE)
		outcome = mof_may_move(folio, last_cpupid);
	trace_mof_fault(vmf->real_address, folio, target_nid, outcome);
	mof_forget_token(folio, vmf->vma, outcome);
	mof_note_toucher(mm);
	mof_count(mm, MOF_FAULTS, 1);
	if (outcome == MOF_OUT_TRYING)
		return target_nid;
	mof_count_resolved(mm, outcome, folio_nr_pages(folio));
	return NUMA_NO_NODE;
}

/*
 * A sample that window.c has not served: a THP, which is an extent of its own.
 * If this one was the last that it took, the THP migrates at once.
 */
static bool mof_sample_moves(struct folio *folio, struct vm_fault *vmf,
			     unsigned long addr, struct mempolicy *pol,
			     pgoff_t ilx, int *last_cpupid)
{
	int nid = folio_nid(folio);
	bool moves;

	moves = mof_learn(vmf->vma, addr, &nid, mof_policy_target(pol, ilx, nid),
			  last_cpupid) && folio_test_pmd_mappable(folio);
	folio_xchg_last_cpupid(folio, -1);
	return moves && mof_sample_armed(vmf->vma, addr);
}

/* mof_numa_target(), once the static key is on. */
int __mof_numa_target(struct folio *folio, struct vm_fault *vmf,
		      unsigned long addr, int *flags, int *last_cpupid)
{
	struct mempolicy *pol;
	int nid = NUMA_NO_NODE;
	pgoff_t ilx;

	lockdep_assert_held(vmf->ptl);
	pol = get_vma_policy(vmf->vma, addr, folio_order(folio), &ilx);
	if (mof_is_sample(*last_cpupid)) {
		if (mof_sample_moves(folio, vmf, addr, pol, ilx, last_cpupid)) {
			*flags |= TNF_MOF;
			nid = mof_resolve(folio, vmf, pol, ilx,
					  mof_token(mof_arm_token(vmf->vma)));
		}
	} else if (mof_is_explicit(folio, pol, *last_cpupid)) {
		*flags |= TNF_MOF;
		nid = mof_resolve(folio, vmf, pol, ilx, *last_cpupid);
		/* The scheduler must not take a token for a CPU and a pid. */
		*last_cpupid = -1 & LAST_CPUPID_MASK;
	} else {
		nid = mpol_misplaced(folio, vmf, addr);
	}
	mpol_cond_put(pol);
	mof_point(MOF_POINT_TARGET);
	return nid;
}

/**
 * mof_node_is_full() - is there no room for migration on a node?
 * @nid: the node
 * @nr_pages: base pages that are to go there
 * @order: order of the blocks that they need
 *
 * As the stock engine has it: no zone may fall below its high watermark.
 *
 * Context: any.
 * Return: true if @nid cannot take that many more pages.
 */
bool mof_node_is_full(int nid, unsigned int nr_pages, unsigned int order)
{
	struct pglist_data *pgdat = NODE_DATA(nid);
	int z;

	for (z = pgdat->nr_zones - 1; z >= 0; z--) {
		struct zone *zone = pgdat->node_zones + z;

		if (managed_zone(zone) &&
		    zone_watermark_ok(zone, order,
				      high_wmark_pages(zone) + nr_pages,
				      ZONE_MOVABLE, ALLOC_CMA))
			return false;
	}
	return true;
}
ALLOW_ERROR_INJECTION(mof_node_is_full, TRUE);

/* mof_account(), once the static key is on and for marks of ours. */
void __mof_account(struct vm_fault *vmf, int target_nid, int nr_pages,
		   int flags)
{
	struct mm_struct *mm = vmf->vma->vm_mm;
	enum mof_outcome outcome;

	if (flags & TNF_MIGRATED) {
		mof_point(MOF_POINT_RESOLVED);
		outcome = MOF_OUT_MIGRATED;
	} else if (!(flags & TNF_MIGRATE_FAIL)) {
		return;		/* mof_resolve() has counted it */
	} else if (mof_node_is_full(target_nid, nr_pages, ilog2(nr_pages))) {
		outcome = MOF_OUT_NOMEM;
	} else {
		outcome = MOF_OUT_BUSY;
	}

	trace_mof_migrate(vmf->real_address, target_nid, nr_pages, outcome);
	mof_count_resolved(mm, outcome, nr_pages);
	if (outcome == MOF_OUT_MIGRATED && nr_pages >= (1 << PMD_ORDER))
		mof_count(mm, MOF_MIGRATED_THP, 1);
}
