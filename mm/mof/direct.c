// SPDX-License-Identifier: GPL-2.0
/*
 * Migrate-on-fault: the direct path. Moves base pages of anonymous memory that
 * only this mapping uses, through migration entries, without a walk of the
 * rmap: the fault knows the one mapping. See Documentation/mm/mof.rst.
 *
 * The caller holds the VMA lock or mmap_lock for reading all along, so no VMA
 * changes, fork or exec. From the moment a folio is taken, it is locked and its
 * reference count is frozen at zero: nobody else can get hold of it. Only
 * zapping (MADV_DONTNEED, the OOM reaper) may remove the migration entry.
 */
#include <linux/mm.h>
#include <linux/huge_mm.h>
#include <linux/memcontrol.h>
#include <linux/migrate.h>
#include <linux/mm_inline.h>
#include <linux/mmu_notifier.h>
#include <linux/page-flags.h>
#include <linux/pagevec.h>
#include <linux/rmap.h>
#include <linux/swap.h>
#include <linux/swapops.h>

#include <asm/tlbflush.h>

#include "../internal.h"
#include "mof.h"

#define MOF_DST_GFP	((GFP_HIGHUSER_MOVABLE & ~__GFP_RECLAIM) |	\
			 __GFP_THISNODE | __GFP_NOMEMALLOC |		\
			 __GFP_NORETRY | __GFP_NOWARN)

/**
 * mof_direct_alloc() - get the destinations, charged to nobody yet
 * @m: the run
 * @nr: how many are wanted, at most MOF_RUN_MAX
 *
 * Does not reclaim, and keeps away from the node's watermarks.
 *
 * Context: no page table lock, no mapped page table.
 * Return: how many there are in @m->dst now.
 */
unsigned int mof_direct_alloc(struct mof_run *m, unsigned int nr)
{
	memset(m->dst, 0, sizeof(m->dst));
	m->nr_dst = 0;
	if (!mof_node_is_full(m->target_nid, nr, 0))
		m->nr_dst = alloc_pages_bulk_array_node(MOF_DST_GFP,
							m->target_nid, nr,
							m->dst);
	return m->nr_dst;
}

/* Give back the destinations that found no source. */
static void mof_direct_free(struct mof_run *m, unsigned int from)
{
	struct folio_batch batch;

	folio_batch_init(&batch);
	for (; from < m->nr_dst; from++)
		if (!folio_batch_add(&batch, page_folio(m->dst[from])))
			folios_put(&batch);
	folios_put(&batch);
}

/**
 * mof_direct_can() - may the direct path have this page?
 * @folio: the folio
 * @page: its page that the hinting entry maps
 *
 * A look only: mof_direct_take() finds out for good.
 *
 * Context: page table lock held.
 * Return: true for an anonymous base page that is exclusive to this mapping.
 */
bool mof_direct_can(struct folio *folio, struct page *page)
{
	return !folio_test_large(folio) && folio_test_anon(folio) &&
	       folio_ref_count(folio) == 1 && PageAnonExclusive(page) &&
	       !PageHWPoison(page);
}

/**
 * mof_direct_take() - make a folio ours alone
 * @folio: a folio of which mof_direct_can() is true
 *
 * With one mapping and one reference, that is the mapping's own, there is no
 * pin, no swap cache, no isolation, and no LRU batch that holds it.
 *
 * Context: page table lock held.
 * Return: false if somebody else holds it.
 */
bool mof_direct_take(struct folio *folio)
{
	if (!folio_trylock(folio))
		return false;
	if (folio_ref_freeze(folio, 1))
		return true;
	folio_unlock(folio);
	return false;
}

static void mof_direct_give_back(struct folio *folio)
{
	folio_ref_unfreeze(folio, 1);
	folio_unlock(folio);
}

/* Take all off the LRU, under one lock where they share one. */
static void mof_direct_isolate(struct mof_run *m)
{
	struct lruvec *lruvec = NULL;
	unsigned int i, kept = 0;

	for (i = 0; i < m->nr; i++) {
		struct folio *folio = m->src[i];

		lruvec = folio_lruvec_relock_irq(folio, lruvec);
		if (folio_test_clear_lru(folio)) {
			lruvec_del_folio(lruvec, folio);
			m->src[kept++] = folio;
		} else {
			mof_direct_give_back(folio);
		}
	}
	if (lruvec)
		unlock_page_lruvec_irq(lruvec);
	m->nr = kept;
}

static unsigned long mof_address(struct mof_run *m, struct folio *folio)
{
	return vma_address(m->vma, folio->index, 1);
}

/* The page table of the run starts at @m->start, mapped at @ptep. */
static pte_t *mof_pte_of(struct mof_run *m, pte_t *ptep, unsigned long addr)
{
	return ptep + ((addr - m->start) >> PAGE_SHIFT);
}

/* Would the stock fault map it writable? See numa_rebuild_single_mapping(). */
static bool mof_is_writable(struct vm_area_struct *vma, unsigned long addr,
			    pte_t pte)
{
	pte = pte_modify(pte, vma->vm_page_prot);
	return pte_write(pte) || (vma_wants_manual_pte_write_upgrade(vma) &&
				  can_change_pte_writable(vma, addr, pte));
}

static pte_t mof_migration_pte(struct folio *folio, pte_t old, bool writable)
{
	unsigned long pfn = folio_pfn(folio);
	swp_entry_t entry;
	pte_t pte;

	entry = writable ? make_writable_migration_entry(pfn) :
			   make_readable_exclusive_migration_entry(pfn);
	if (pte_young(old))
		entry = make_migration_entry_young(entry);
	if (pte_dirty(old))
		entry = make_migration_entry_dirty(entry);
	pte = swp_entry_to_pte(entry);
	if (pte_soft_dirty(old))
		pte = pte_swp_mksoft_dirty(pte);
	if (pte_uffd_wp(old))
		pte = pte_swp_mkuffd_wp(pte);
	return pte;
}

static void mof_direct_unmap_one(struct mof_run *m, struct folio *folio,
				 pte_t *start_pte)
{
	unsigned long addr = mof_address(m, folio);
	pte_t *ptep = mof_pte_of(m, start_pte, addr);
	struct page *page = folio_page(folio, 0);
	pte_t old = ptep_get(ptep);
	bool writable = mof_is_writable(m->vma, addr, old);

	old = ptep_get_and_clear(m->vma->vm_mm, addr, ptep);
	if (addr == m->fault_addr)
		old = pte_mkyoung(old);
	if (pte_dirty(old))
		folio_mark_dirty(folio);
	ClearPageAnonExclusive(page);
	/* One shot: see mof_forget_token(). */
	folio_xchg_last_cpupid(folio, -1);
	set_pte_at(m->vma->vm_mm, addr, ptep,
		   mof_migration_pte(folio, old, writable));
	folio_remove_rmap_pte(folio, page, m->vma);
}

/**
 * mof_direct_unmap() - replace the entries of what was taken
 * @m: the run, with the folios taken in @m->src, in the order of addresses
 * @start_pte: the entry of @m->start
 *
 * Context: page table lock held.
 * Return: how many folios are in flight now.
 */
unsigned int mof_direct_unmap(struct mof_run *m, pte_t *start_pte)
{
	unsigned int i;

	mof_direct_isolate(m);
	arch_enter_lazy_mmu_mode();
	for (i = 0; i < m->nr; i++)
		mof_direct_unmap_one(m, m->src[i], start_pte);
	arch_leave_lazy_mmu_mode();
	return m->nr;
}

/*
 * The copy, and all that goes with the folio. -EHWPOISON or -EFAULT if the
 * source cannot be read: it then stays.
 */
static int mof_direct_copy(struct folio *dst, struct folio *src)
{
	int err = folio_mc_copy(dst, src);

	if (err)
		return err;
	__folio_set_locked(dst);
	dst->index = src->index;
	dst->mapping = src->mapping;
	if (folio_test_swapbacked(src))
		__folio_set_swapbacked(dst);
	folio_migrate_flags(dst, src);
	return 0;
}

static pte_t mof_restored_pte(struct mof_run *m, struct folio *folio, pte_t old)
{
	swp_entry_t entry = pte_to_swp_entry(old);
	pte_t pte = mk_pte(folio_page(folio, 0), READ_ONCE(m->vma->vm_page_prot));

	if (!is_migration_entry_young(entry))
		pte = pte_mkold(pte);
	if (folio_test_dirty(folio) && is_migration_entry_dirty(entry))
		pte = pte_mkdirty(pte);
	if (pte_swp_soft_dirty(old))
		pte = pte_mksoft_dirty(pte);
	else
		pte = pte_clear_soft_dirty(pte);
	if (is_writable_migration_entry(entry))
		pte = pte_mkwrite(pte, m->vma);
	else if (pte_swp_uffd_wp(old))
		pte = pte_mkuffd_wp(pte);
	return pte;
}

/* Does the migration entry still stand? Zapping may have removed it. */
static bool mof_still_ours(pte_t pte, struct folio *src)
{
	swp_entry_t entry;

	if (!is_swap_pte(pte))
		return false;
	entry = pte_to_swp_entry(pte);
	return is_migration_entry(entry) &&
	       swp_offset_pfn(entry) == folio_pfn(src);
}

/*
 * Map @folio, the destination or again the source, where @src was. It gets a
 * reference besides that of its mapping: whoever zaps that may be quick.
 */
static bool mof_direct_map_one(struct mof_run *m, struct folio *folio,
			       struct folio *src, pte_t *start_pte)
{
	unsigned long addr = mof_address(m, src);
	pte_t *ptep = mof_pte_of(m, start_pte, addr);
	pte_t old = ptep_get(ptep);

	if (!mof_still_ours(old, src))
		return false;
	if (folio == src)
		folio_ref_unfreeze(src, 2);
	else
		folio_get(folio);
	folio_add_anon_rmap_pte(folio, folio_page(folio, 0), m->vma, addr,
				RMAP_EXCLUSIVE);
	set_pte_at(m->vma->vm_mm, addr, ptep, mof_restored_pte(m, folio, old));
	update_mmu_cache(m->vma, addr, ptep);
	return true;
}

/* Let others have it that was mapped again. */
static void mof_direct_expose(struct folio *folio)
{
	folio_add_lru(folio);
	folio_unlock(folio);
	folio_put(folio);
}

/* Wakes those who wait for the migration entry, and frees the source. */
static void mof_direct_release(struct folio *folio, struct folio_batch *batch)
{
	folio_ref_unfreeze(folio, 1);
	folio_unlock(folio);
	if (!folio_batch_add(batch, folio))
		folios_put(batch);
}

/* The mappings are final: let go of source and destination @i. */
static enum mof_outcome mof_direct_end(struct mof_run *m, unsigned int i,
				       struct folio_batch *batch)
{
	struct folio *src = m->src[i], *dst = page_folio(m->dst[i]);
	bool copied = test_bit(i, m->copied), mapped = test_bit(i, m->mapped);

	if (copied && mapped) {
		mof_direct_expose(dst);
	} else {
		if (copied)
			folio_unlock(dst);
		if (!folio_batch_add(batch, dst))
			folios_put(batch);
	}
	if (!copied && mapped) {
		mof_direct_expose(src);
		return MOF_OUT_BUSY;
	}
	mof_direct_release(src, batch);
	return mapped ? MOF_OUT_MIGRATED : MOF_OUT_RACED;
}

static void mof_direct_map(struct mof_run *m)
{
	struct folio *folio;
	spinlock_t *ptl;
	unsigned int i;
	pte_t *pte;

	pte = pte_offset_map_lock(m->vma->vm_mm, m->pmd, m->start, &ptl);
	if (!pte)
		return;
	for (i = 0; i < m->nr; i++) {
		folio = test_bit(i, m->copied) ? page_folio(m->dst[i]) :
						 m->src[i];
		__assign_bit(i, m->mapped,
			     mof_direct_map_one(m, folio, m->src[i], pte));
	}
	pte_unmap_unlock(pte, ptl);
}

/**
 * mof_direct_finish() - copy what is in flight, and map it again
 * @m: the run, after mof_direct_unmap()
 *
 * No CPU can write to the sources any more: the caller has dealt with pending
 * TLB flushes. A source that cannot be read, being poisoned, stays, and so does
 * its mapping. Where the migration entry has been zapped meanwhile, both pages
 * are freed.
 *
 * Context: no page table lock; VMA lock or mmap_lock held; may sleep.
 * Return: how many pages were migrated.
 */
unsigned int mof_direct_finish(struct mof_run *m)
{
	unsigned int i, count[MOF_NR_OUTCOMES] = {};
	struct folio_batch batch;

	bitmap_zero(m->copied, MOF_RUN_MAX);
	bitmap_zero(m->mapped, MOF_RUN_MAX);
	for (i = 0; i < m->nr; i++)
		if (!mof_direct_copy(page_folio(m->dst[i]), m->src[i]))
			__set_bit(i, m->copied);
	mof_direct_map(m);

	folio_batch_init(&batch);
	for (i = 0; i < m->nr; i++)
		count[mof_direct_end(m, i, &batch)]++;
	folios_put(&batch);
	mof_direct_free(m, m->nr);

	for (i = 0; i < MOF_NR_OUTCOMES; i++)
		if (count[i])
			mof_count_resolved(m->vma->vm_mm, i, count[i]);
	return count[MOF_OUT_MIGRATED];
}
