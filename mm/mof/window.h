/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the paths of a fault share: the window, and looks at one entry of it.
 * See Documentation/mm/mof.rst.
 */
#ifndef _MM_MOF_WINDOW_H
#define _MM_MOF_WINDOW_H

#include <linux/mm.h>
#include <linux/sched/numa_balancing.h>

#include "mof.h"

/**
 * struct mof_window - what a fault resolves: a part of a page table
 * @vma: the area
 * @pmd: entry of the page table
 * @fault_addr: address of the page of the fault, where the window starts
 * @end: its end
 * @max: pages that it may have, vm.mof_window_pages
 * @hinting: hinting entries in it
 * @page_nid: node of the page of the fault
 * @target_nid: where it goes, NUMA_NO_NODE if it is in place
 * @uniform: what is on @page_nid goes to @target_nid without asking again
 * @writable: pages that are exclusive to @vma are mapped writable without
 *	      asking again
 * @moved: base pages migrated so far
 * @windowed: those of them that are not of the folio of the fault
 */
struct mof_window {
	struct vm_area_struct *vma;
	pmd_t *pmd;
	unsigned long fault_addr;
	unsigned long end;
	unsigned int max;
	unsigned int hinting;
	int page_nid;
	int target_nid;
	bool uniform;
	bool writable;
	unsigned int moved;
	unsigned int windowed;
};

/* The folio of a hinting entry, if it may have a token. */
static inline struct folio *mof_hinting_folio(struct vm_area_struct *vma,
					      unsigned long addr, pte_t pte)
{
	struct folio *folio;
	struct page *page;

	if (!pte_present(pte) || !pte_protnone(pte))
		return NULL;
	page = vm_normal_page(vma, addr, pte);
	if (!page || is_zone_device_page(page))
		return NULL;
	folio = page_folio(page);
	return folio_use_access_time(folio) ? NULL : folio;
}

/**
 * mof_marked_folio() - the folio of a mark of ours
 * @vma: the area
 * @addr: address in it
 * @pte: entry of that address
 *
 * Folios whose last_cpupid holds an access time have no token: what becomes of
 * them is up to __mof_numa_target().
 *
 * Context: page table lock held.
 * Return: the folio, NULL if the entry does not hint or not for us.
 */
static inline struct folio *mof_marked_folio(struct vm_area_struct *vma,
					     unsigned long addr, pte_t pte)
{
	struct folio *folio = mof_hinting_folio(vma, addr, pte);

	return folio && mof_has_token(folio) ? folio : NULL;
}

/* The same for a sample of the automatic mode. */
static inline struct folio *mof_sampled_folio(struct vm_area_struct *vma,
					      unsigned long addr, pte_t pte)
{
	struct folio *folio = mof_hinting_folio(vma, addr, pte);

	return folio && mof_is_sample(folio_last_cpupid(folio)) ? folio : NULL;
}

/* Does the folio of a marked entry have the target of the window? */
static inline bool mof_goes_along(const struct mof_window *w,
				  unsigned long addr, struct folio *folio)
{
	return (w->uniform && folio_nid(folio) == w->page_nid) ||
	       mof_vma_target(w->vma, addr, folio) == w->target_nid;
}

/* fault.c */
bool mof_may_write(struct vm_area_struct *vma, unsigned long addr, pte_t pte);
void mof_map_back(struct vm_area_struct *vma, unsigned long addr, pte_t *ptep,
		  bool touched);

/* direct.c */

/**
 * mof_direct_can() - may the direct path have this folio?
 * @folio: a folio that a hinting entry maps
 *
 * With one mapping and one reference, that is the mapping's own, there is no
 * pin, no swap cache, no isolation, and no LRU batch that holds it. A look only:
 * whether it stays so is found out when it is taken.
 *
 * Context: page table lock held.
 * Return: true for an anonymous base page that is exclusive to this mapping.
 */
static inline bool mof_direct_can(struct folio *folio)
{
	return !folio_test_large(folio) && folio_test_anon(folio) &&
	       folio_ref_count(folio) == 1 && !folio_test_unevictable(folio) &&
	       PageAnonExclusive(&folio->page) && !PageHWPoison(&folio->page);
}

bool mof_direct(struct mof_window *w);

/* generic.c */
bool mof_generic(struct mof_window *w);

#endif /* _MM_MOF_WINDOW_H */
