// SPDX-License-Identifier: GPL-2.0
/*
 * Migrate-on-fault: predicates on one folio or node that all paths share, and the
 * mapping of one entry. See Documentation/mm/mof.rst.
 */
#include <linux/mm.h>
#include <linux/error-injection.h>
#include <linux/fs.h>
#include <linux/ksm.h>
#include <linux/mm_inline.h>
#include <linux/mmzone.h>
#include <linux/swap.h>
#include <linux/userfaultfd_k.h>

#include "../internal.h"
#include "mof.h"

/*
 * Can a dirty folio of a file migrate without writeback? Not if the file system
 * has no migrate_folio(). The mapping stays while an entry maps the folio, so the
 * page table lock is enough.
 */
static bool mof_migrates_dirty(struct folio *folio)
{
	struct address_space *mapping = folio_mapping(folio);

	return mapping && mapping->a_ops->migrate_folio;
}

/**
 * mof_folio_can_migrate() - could a touch migrate this folio in its present state?
 * @folio: a mapped folio
 *
 * Context: page table lock held.
 * Return: false if it is not worth a mark.
 */
bool mof_folio_can_migrate(struct folio *folio)
{
	if (folio_is_zone_device(folio) || folio_test_reserved(folio) ||
	    folio_test_ksm(folio) || folio_maybe_dma_pinned(folio))
		return false;
	return folio_test_anon(folio) || !folio_test_dirty(folio) ||
	       mof_migrates_dirty(folio);
}

/**
 * mof_file_stays() - does a folio of a file stay on its node?
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
 * mof_may_move() - may this mark migrate the folio?
 * @folio: a misplaced folio that a marked entry maps
 * @last_cpupid: its last_cpupid
 *
 * MPOL_MF_MOVE_ALL needs privileges and leaves a token of its own.
 *
 * Context: page table lock held.
 * Return: MOF_OUT_TRYING, or the reason why not.
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
 * mof_is_busy() - does a folio have more references than expected?
 * @folio: a mapped folio
 *
 * Migration would unmap the folio and then fail. Only a snapshot: references come
 * and go at any time.
 *
 * Context: page table lock of a mapping held.
 * Return: true if it is not worth trying now.
 */
bool mof_is_busy(struct folio *folio)
{
	if (folio_ref_count(folio) <= folio_expected_ref_count(folio))
		return false;
	/* An LRU batch of this CPU may hold it. */
	lru_add_drain();
	return folio_ref_count(folio) > folio_expected_ref_count(folio);
}

/**
 * mof_isolate() - isolate a folio for migration
 * @folio: a mapped folio
 *
 * Context: page table lock of a mapping held.
 * Return: false if it is isolated already.
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
 * Most references are held only for a moment. The next touch is usually the same
 * access again, as soon as the fault returns; it is the last.
 *
 * Context: page table lock of a mapping held, or @folio isolated.
 * Return: false if this was the last touch: the page has to be mapped.
 */
bool mof_touch_again(struct folio *folio, int last_cpupid)
{
	int now = folio_last_cpupid(folio);

	/* Marked again concurrently. */
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

/**
 * mof_node_is_full() - is there no room for migration on a node?
 * @nid: the node
 * @nr_pages: base pages that are to go there
 * @order: order of the blocks that they need
 *
 * The rule of the stock engine: no zone may fall below its high watermark.
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

/**
 * mof_all_writable() - may all exclusive pages of a VMA be mapped writable?
 * @vma: the VMA
 *
 * Context: mmap_lock or the VMA lock held.
 * Return: true if can_change_pte_writable() is true for each page that is
 * exclusive to @vma; false if it has to be called for each entry.
 */
bool mof_all_writable(struct vm_area_struct *vma)
{
	return (vma->vm_flags & (VM_WRITE | VM_SHARED)) == VM_WRITE &&
	       !vma_soft_dirty_enabled(vma) && !userfaultfd_wp(vma);
}

/**
 * mof_may_write() - may a hinting entry be mapped writable when it is resolved?
 * @vma: the VMA
 * @addr: address in it
 * @pte: present entry of that address
 *
 * The rule of the stock fault, so that a write takes no second fault.
 *
 * Context: page table lock held.
 * Return: true if it may.
 */
bool mof_may_write(struct vm_area_struct *vma, unsigned long addr, pte_t pte)
{
	pte = pte_modify(pte, vma->vm_page_prot);
	return pte_write(pte) || (vma_wants_manual_pte_write_upgrade(vma) &&
				  can_change_pte_writable(vma, addr, pte));
}

/**
 * mof_map() - give a present entry the permissions of its VMA
 * @vma: the VMA
 * @addr: address in it
 * @ptep: entry of that address, present
 * @accessed: it is the faulting entry
 *
 * Permissions are only added, so no TLB needs a flush.
 *
 * Context: page table lock held.
 */
void mof_map(struct vm_area_struct *vma, unsigned long addr, pte_t *ptep,
	     bool accessed)
{
	bool writable = mof_may_write(vma, addr, ptep_get(ptep));
	pte_t old = ptep_modify_prot_start(vma, addr, ptep);
	pte_t pte = pte_modify(old, vma->vm_page_prot);

	if (accessed)
		pte = pte_mkyoung(pte);
	if (writable)
		pte = pte_mkwrite(pte, vma);
	ptep_modify_prot_commit(vma, addr, ptep, old, pte);
	update_mmu_cache(vma, addr, ptep);
}
