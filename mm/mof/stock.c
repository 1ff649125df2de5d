// SPDX-License-Identifier: GPL-2.0
/*
 * Migrate-on-fault: hooks of the stock engine, do_numa_page() and
 * do_huge_pmd_numa_page(): choose the target of a folio, count the outcome,
 * migrate THPs.
 * See Documentation/mm/mof.rst.
 */
#include <linux/mm.h>
#include <linux/huge_mm.h>
#include <linux/mempolicy.h>
#include <linux/migrate.h>

#include <trace/events/mof.h>

#include "../internal.h"
#include "mof.h"

/*
 * Is it our mark? A folio whose last_cpupid holds an access time has no token:
 * there, an entry is ours if no scanner would have marked it.
 */
static bool mof_is_ours(struct vm_area_struct *vma, struct folio *folio,
			int last_cpupid)
{
	if (folio_use_access_time(folio))
		return !vma_policy_mof(vma);
	return mof_is_token(last_cpupid);
}

/*
 * One shot: from now on the folio has no more history than a new one. If it stays
 * because fork(2) has made it shared, the other mappings are marked, too, and
 * their faults must still find the token. fork(2) copies no entries of shared
 * mappings: their other mappings are not marked.
 */
static void mof_forget_token(struct folio *folio, struct vm_area_struct *vma,
			     enum mof_outcome outcome)
{
	if (outcome == MOF_OUT_SHARED && !(vma->vm_flags & VM_SHARED))
		return;
	if (!folio_use_access_time(folio))
		folio_xchg_last_cpupid(folio, -1);
}

/* Where does a marked folio go? Counts it if it stays. */
static int mof_resolve(struct folio *folio, struct vm_fault *vmf,
		       int target_nid, int last_cpupid)
{
	struct mm_struct *mm = vmf->vma->vm_mm;
	enum mof_outcome outcome = MOF_OUT_LOCAL;

	if (target_nid != NUMA_NO_NODE)
		outcome = mof_may_move(folio, last_cpupid);
	trace_mof_fault(vmf->real_address, folio, target_nid, outcome);
	/* __mof_huge() takes the token of a THP that will migrate. */
	if (vmf->pte || outcome != MOF_OUT_TRYING)
		mof_forget_token(folio, vmf->vma, outcome);
	mof_note_fault(mm);
	mof_count(mm, MOF_FAULTS, 1);
	if (outcome == MOF_OUT_TRYING)
		return target_nid;
	mof_count_resolved(mm, outcome, folio_nr_pages(folio));
	return NUMA_NO_NODE;
}

/*
 * A sample that fault.c has not served: a THP, which is an extent of its own. If
 * this sample arms it, the THP migrates at once.
 */
static int mof_resolve_sample(struct folio *folio, struct vm_fault *vmf,
			      unsigned long addr, int target_nid, int *flags,
			      int *last_cpupid)
{
	struct vm_area_struct *vma = vmf->vma;
	int nid = folio_nid(folio), token = mof_token(mof_arm_token(vma));

	if (!mof_learn(vma, addr, &nid, target_nid, last_cpupid) ||
	    !folio_test_pmd_mappable(folio) || !mof_sample_armed(vma, addr)) {
		folio_xchg_last_cpupid(folio, -1);
		return NUMA_NO_NODE;
	}
	folio_xchg_last_cpupid(folio, token);
	*flags |= TNF_MOF;
	nid = mof_resolve(folio, vmf, target_nid, token);
	/* No other mapping is marked. */
	if (nid == NUMA_NO_NODE)
		folio_xchg_last_cpupid(folio, -1);
	return nid;
}

/* mof_numa_target(), once the static key is on. */
int __mof_numa_target(struct folio *folio, struct vm_fault *vmf,
		      unsigned long addr, int *flags, int *last_cpupid)
{
	struct vm_area_struct *vma = vmf->vma;
	int nid;

	lockdep_assert_held(vmf->ptl);
	if (!mof_is_sample(*last_cpupid) &&
	    !mof_is_ours(vma, folio, *last_cpupid)) {
		nid = mpol_misplaced(folio, vmf, addr);
	} else {
		nid = mof_target(vma, addr, folio_order(folio), folio_nid(folio),
				 NULL);
		if (mof_is_sample(*last_cpupid)) {
			nid = mof_resolve_sample(folio, vmf, addr, nid, flags,
						 last_cpupid);
		} else {
			*flags |= TNF_MOF;
			nid = mof_resolve(folio, vmf, nid, *last_cpupid);
			/* The scheduler must not take a token for CPU and pid. */
			*last_cpupid = -1 & LAST_CPUPID_MASK;
		}
	}
	mof_point(MOF_POINT_TARGET);
	return nid;
}

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

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
/* Isolate a THP if it can migrate now. */
static bool mof_huge_isolate(struct folio *folio, int target_nid)
{
	return !mof_node_is_full(target_nid, HPAGE_PMD_NR, 0) &&
	       !mof_is_busy(folio) && mof_isolate(folio);
}

/* Map the THP of a fault with the permissions of its VMA. */
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
	/* Marked again concurrently. */
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
		/* Migration entries of hinting ones come back read-only. */
		pmd = pmd_mkwrite(pmd_mkyoung(pmd), vma);
		pmdp_set_access_flags(vma, haddr, vmf->pmd, pmd, 1);
	}
	update_mmu_cache_pmd(vma, vmf->address, vmf->pmd);
}

/*
 * mof_huge(), for marks of ours. Calls migrate_misplaced_folio() without
 * migrate_misplaced_folio_prepare(), which refuses more: see mof_file_stays().
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
