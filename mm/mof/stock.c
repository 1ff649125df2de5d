// SPDX-License-Identifier: GPL-2.0
/*
 * Migrate-on-fault: decides what a hinting fault on one of our marks does where
 * fault.c leaves it to the stock code, do_numa_page() and
 * do_huge_pmd_numa_page(), counts how it ended, and migrates THPs.
 * See Documentation/mm/mof.rst.
 */
#include <linux/mm.h>
#include <linux/error-injection.h>
#include <linux/huge_mm.h>
#include <linux/mempolicy.h>
#include <linux/migrate.h>
#include <linux/mm_inline.h>
#include <linux/mmzone.h>
#include <linux/swap.h>
#include <linux/userfaultfd_k.h>

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
	if (!mof_moves_shared(last_cpupid) && folio_likely_mapped_shared(folio))
		return MOF_OUT_SHARED;
	if (folio_maybe_dma_pinned(folio))
		return MOF_OUT_PINNED;
	return MOF_OUT_TRYING;
}

/**
 * mof_file_stays() - does a folio of a file stay where it is?
 * @vma: a VMA that maps it
 * @folio: a folio
 *
 * As in the stock engine, pages of shared libraries stay. That engine also
 * refuses dirty folios that are not swap-backed. Such a folio is either memory
 * that was reused after MADV_FREE, which always migrates, or one of a file, which
 * stays only if the file system would have to write it out.
 *
 * Context: page table lock of a mapping held.
 * Return: true if it stays.
 */
bool mof_file_stays(struct vm_area_struct *vma, struct folio *folio)
{
	if (!folio_is_file_lru(folio) || folio_test_anon(folio))
		return false;
	return (folio_test_dirty(folio) && !mof_migrates_dirty(folio)) ||
	       ((vma->vm_flags & VM_EXEC) && folio_likely_mapped_shared(folio));
}

/**
 * mof_is_busy() - does somebody else hold a reference to a folio?
 * @folio: a folio that is mapped
 *
 * Migration would fail then, after it has unmapped the folio. A look only: the
 * reference may be gone, or another one come, a moment later.
 *
 * Context: page table lock of a mapping held.
 * Return: true if the folio is not worth trying now.
 */
bool mof_is_busy(struct folio *folio)
{
	if (folio_ref_count(folio) <= folio_expected_ref_count(folio))
		return false;
	/* Perhaps it is in an LRU batch, and of this CPU. */
	lru_add_drain();
	return folio_ref_count(folio) > folio_expected_ref_count(folio);
}

/**
 * mof_isolate() - isolate a folio for migration
 * @folio: a folio that is mapped
 *
 * Context: page table lock of a mapping held.
 * Return: false if somebody else has isolated it.
 */
noinline bool mof_isolate(struct folio *folio)
{
	if (!folio_isolate_lru(folio))
		return false;
	node_stat_mod_folio(folio, NR_ISOLATED_ANON + folio_is_file_lru(folio),
			    folio_nr_pages(folio));
	return true;
}
ALLOW_ERROR_INJECTION(mof_isolate, NULL);

/**
 * mof_touch_again() - leave the mark of a busy folio for one more touch
 * @folio: the folio; its entry still hints
 * @last_cpupid: the token that it had at this touch
 *
 * A reference is often held for a moment only. The next touch is mostly the same
 * access again, as soon as the fault returns; it is the last.
 *
 * Context: page table lock of a mapping held, or @folio isolated.
 * Return: false if this was that touch: the page is to be mapped.
 */
bool mof_touch_again(struct folio *folio, int last_cpupid)
{
	int now = folio_last_cpupid(folio);

	/* It has been marked anew. */
	if (now != last_cpupid && mof_is_token(now))
		return true;
	if (last_cpupid == mof_token(MOF_TOKEN_MOVE))
		folio_xchg_last_cpupid(folio, mof_token(MOF_TOKEN_MOVE_AGAIN));
	else if (last_cpupid == mof_token(MOF_TOKEN_MOVE_ALL))
		folio_xchg_last_cpupid(folio, mof_token(MOF_TOKEN_MOVE_ALL_AGAIN));
	else
		return false;
	return true;
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
	/* __mof_huge() takes the token of a THP that will migrate. */
	if (vmf->pte || outcome != MOF_OUT_TRYING)
		mof_forget_token(folio, vmf->vma, outcome);
	mof_note_toucher(mm);
	mof_count(mm, MOF_FAULTS, 1);
	if (outcome == MOF_OUT_TRYING)
		return target_nid;
	mof_count_resolved(mm, outcome, folio_nr_pages(folio));
	return NUMA_NO_NODE;
}

/*
 * A sample that fault.c has not served: a THP, which is an extent of its own.
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
	moves = moves && mof_sample_armed(vmf->vma, addr);
	folio_xchg_last_cpupid(folio, moves ? mof_token(mof_arm_token(vmf->vma)) : -1);
	return moves;
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
			/* No other mapping has a mark. */
			if (nid == NUMA_NO_NODE)
				folio_xchg_last_cpupid(folio, -1);
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

static void mof_count_outcome(struct vm_fault *vmf, int target_nid,
			      int nr_pages, int flags)
{
	struct mm_struct *mm = vmf->vma->vm_mm;
	enum mof_outcome outcome;

	if (flags & TNF_MIGRATED)
		outcome = MOF_OUT_MIGRATED;
	else if (mof_node_is_full(target_nid, nr_pages, ilog2(nr_pages)))
		outcome = MOF_OUT_NOMEM;
	else
		outcome = MOF_OUT_BUSY;

	trace_mof_migrate(vmf->real_address, target_nid, nr_pages, outcome);
	mof_count_resolved(mm, outcome, nr_pages);
	if (outcome == MOF_OUT_MIGRATED && nr_pages >= (1 << PMD_ORDER))
		mof_count(mm, MOF_MIGRATED_THP, 1);
}

/* mof_account(), once the static key is on and for marks of ours. */
void __mof_account(struct vm_fault *vmf, int target_nid, int nr_pages,
		   int flags)
{
	if (flags & TNF_MIGRATED)
		mof_point(MOF_POINT_RESOLVED);
	mof_count_outcome(vmf, target_nid, nr_pages, flags);
}

/**
 * mof_all_writable() - may all exclusive pages of a VMA be mapped writable?
 * @vma: the VMA
 *
 * Context: mmap_lock or the VMA lock held.
 * Return: true if can_change_pte_writable() is true for each page that is
 * exclusive to @vma; false if each entry has to be asked for.
 */
bool mof_all_writable(struct vm_area_struct *vma)
{
	return (vma->vm_flags & (VM_WRITE | VM_SHARED)) == VM_WRITE &&
	       !vma_soft_dirty_enabled(vma) && !userfaultfd_wp(vma);
}

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
/* Isolate a THP, if it can migrate now. */
static bool mof_huge_isolate(struct folio *folio, int target_nid)
{
	return !mof_node_is_full(target_nid, HPAGE_PMD_NR, 0) &&
	       !mof_is_busy(folio) && mof_isolate(folio);
}

/* Map the THP of a fault with all the rights that its VMA gives. */
static void mof_huge_map(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned long haddr = vmf->address & HPAGE_PMD_MASK;
	pmd_t pmd = pmdp_get(vmf->pmd);
	bool hinting, writable;
	struct page *page;

	if (!pmd_present(pmd) || !pmd_trans_huge(pmd))
		return;
	hinting = pmd_protnone(pmd);
	page = pmd_page(pmd);
	/* It has been marked anew. */
	if (hinting && (!pmd_same(pmd, vmf->orig_pmd) ||
			mof_has_token(page_folio(page))))
		return;
	writable = mof_all_writable(vma) && PageAnon(page) &&
		   PageAnonExclusive(page);
	if (hinting) {
		pmd = pmd_mkyoung(pmd_modify(pmd, vma->vm_page_prot));
		if (writable)
			pmd = pmd_mkwrite(pmd, vma);
		set_pmd_at(vma->vm_mm, haddr, vmf->pmd, pmd);
	} else if (writable && !pmd_write(pmd)) {
		/* Migration entries do not know that a hinting one was writable. */
		pmd = pmd_mkwrite(pmd_mkyoung(pmd), vma);
		pmdp_set_access_flags(vma, haddr, vmf->pmd, pmd, 1);
	}
	update_mmu_cache_pmd(vma, vmf->address, vmf->pmd);
}

/*
 * mof_huge(), for marks of ours. The stock engine's migrate_misplaced_folio()
 * does the work; its preparation would refuse more, see mof_file_stays().
 */
void __mof_huge(struct vm_fault *vmf, struct folio *folio, int target_nid,
		int flags, int last_cpupid)
{
	struct vm_area_struct *vma = vmf->vma;
	bool stays = mof_file_stays(vma, folio);
	int token = -1, nid = folio_nid(folio);

	lockdep_assert_held(vmf->ptl);
	/* One shot: see mof_forget_token(). */
	if (!folio_use_access_time(folio))
		token = folio_xchg_last_cpupid(folio, -1);
	flags |= TNF_MIGRATE_FAIL;
	if (!stays && mof_huge_isolate(folio, target_nid)) {
		spin_unlock(vmf->ptl);
		if (!migrate_misplaced_folio(folio, vma, target_nid)) {
			flags ^= TNF_MIGRATE_FAIL | TNF_MIGRATED;
			nid = target_nid;
		}
		if (flags & TNF_MIGRATED)
			mof_point(MOF_POINT_RESOLVED);
		vmf->ptl = pmd_lock(vma->vm_mm, vmf->pmd);
	}
	if (!stays && nid != target_nid && pmd_same(pmdp_get(vmf->pmd), vmf->orig_pmd) &&
	    !mof_node_is_full(target_nid, HPAGE_PMD_NR, HPAGE_PMD_ORDER) &&
	    mof_touch_again(folio, token)) {
		mof_count(vma->vm_mm, MOF_RETRIED, HPAGE_PMD_NR);
	} else {
		mof_count_outcome(vmf, target_nid, HPAGE_PMD_NR, flags);
		mof_huge_map(vmf);
	}
	spin_unlock(vmf->ptl);
	task_numa_fault(last_cpupid, nid, HPAGE_PMD_NR, flags);
}
#endif /* CONFIG_TRANSPARENT_HUGEPAGE */
