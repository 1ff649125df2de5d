// SPDX-License-Identifier: GPL-2.0
/*
 * Migrate-on-fault: the generic path. Whatever the direct path cannot have, but
 * migrate_pages() can move, goes there as one list: pages of files, large
 * folios mapped by PTEs, what is in the swap cache or locked in memory, and,
 * with MPOL_MF_MOVE_ALL, what others map. See Documentation/mm/mof.rst.
 */
#include <linux/mm.h>
#include <linux/error-injection.h>
#include <linux/gfp.h>
#include <linux/migrate.h>
#include <linux/mm_inline.h>
#include <linux/swap.h>
#include <linux/vmstat.h>

#include <trace/events/mof.h>

#include "../internal.h"
#include "window.h"

/**
 * struct mof_list - what one fault hands to migrate_pages()
 * @w: the window
 * @folios: the folios, isolated
 * @fault_folio: that of the fault, if it is among them
 * @start: where the mapping of that begins
 * @taken: pages from there on that they are mapped at
 */
struct mof_list {
	struct mof_window *w;
	struct list_head folios;
	struct folio *fault_folio;
	unsigned long start;
	DECLARE_BITMAP(taken, MOF_WINDOW_MAX);
};

/* Do entries from @ptep on map all pages of the folio, in order? */
static bool mof_maps_all(pte_t *ptep, struct folio *folio, bool hinting)
{
	unsigned long nr = folio_nr_pages(folio), pfn = folio_pfn(folio), i;
	pte_t pte;

	for (i = 0; i < nr; i++) {
		pte = ptep_get(ptep + i);
		if (!pte_present(pte) || pte_pfn(pte) != pfn + i ||
		    (hinting && !pte_protnone(pte)))
			return false;
	}
	return true;
}

/*
 * Are all pages of the folio mapped here, in order, by hinting entries? @ptep
 * is the entry at @addr. A folio of which others map a part, or that is marked
 * in part, goes whole only if its own fault asks the stock engine; and so does one
 * that is larger than any window, where page tables have room for that.
 */
static bool mof_is_whole(const struct mof_list *l, unsigned long addr,
			 pte_t *ptep, struct folio *folio)
{
	unsigned long end = min((addr & PMD_MASK) + PMD_SIZE,
				l->w->vma->vm_end);

	end = min(end, l->start + MOF_WINDOW_MAX * PAGE_SIZE);
	return addr + folio_size(folio) <= end &&
	       mof_maps_all(ptep, folio, true);
}

/*
 * Migration takes the mappings of a folio away one by one, and so leaves a large
 * one on the list of those that are mapped in part: reclaim would split it, and
 * so would its next migration. This one is mapped whole, by entries whose page
 * table lock is held. If it has no other mapping, and no reference but @more, it
 * can be taken off: with its count frozen, nobody puts it on.
 */
static void mof_unqueue(struct folio *folio, int more)
{
	int refs = folio_nr_pages(folio) + more;

	if (!folio_test_large(folio) || !folio_test_partially_mapped(folio) ||
	    !folio_test_anon(folio) ||
	    folio_mapcount(folio) != folio_nr_pages(folio) ||
	    !folio_ref_freeze(folio, refs))
		return;
	folio_unqueue_deferred_split(folio);
	folio_ref_unfreeze(folio, refs);
}

/* What migrate_misplaced_folio_prepare() refuses, see there. */
static bool mof_file_stays(struct vm_area_struct *vma, struct folio *folio)
{
	return folio_is_file_lru(folio) &&
	       (folio_test_dirty(folio) ||
		((vma->vm_flags & VM_EXEC) && folio_likely_mapped_shared(folio)));
}

static noinline bool mof_isolate(struct folio *folio)
{
	if (!folio_isolate_lru(folio)) {
		/* Perhaps it has just been written, and by this CPU. */
		lru_add_drain();
		if (!folio_isolate_lru(folio))
			return false;
	}
	node_stat_mod_folio(folio, NR_ISOLATED_ANON + folio_is_file_lru(folio),
			    folio_nr_pages(folio));
	return true;
}
ALLOW_ERROR_INJECTION(mof_isolate, NULL);

/* Take the folio that the entry at @addr maps; how many pages, if any. */
static unsigned int mof_list_take(struct mof_list *l, unsigned long addr,
				  pte_t *ptep)
{
	struct mof_window *w = l->w;
	struct folio *folio = mof_marked_folio(w->vma, addr, ptep_get(ptep));

	if (!folio || !mof_is_whole(l, addr, ptep, folio) ||
	    !mof_goes_along(w, addr, folio) || mof_file_stays(w->vma, folio) ||
	    mof_may_move(folio, folio_last_cpupid(folio)) != MOF_OUT_TRYING ||
	    (folio_test_large(folio) &&
	     mof_node_is_full(w->target_nid, folio_nr_pages(folio), 0)) ||
	    !mof_isolate(folio))
		return 0;
	mof_unqueue(folio, 1);
	/* One shot: see mof_forget_token(). */
	folio_xchg_last_cpupid(folio, -1);
	list_add_tail(&folio->lru, &l->folios);
	bitmap_set(l->taken, (addr - l->start) >> PAGE_SHIFT,
		   folio_nr_pages(folio));
	return folio_nr_pages(folio);
}

/* Where the mapping of the fault's folio begins; 0 if not in this page table. */
static unsigned long mof_list_start(const struct mof_window *w, pte_t *table)
{
	pte_t pte = ptep_get(table + pte_index(w->fault_addr));
	struct folio *folio = mof_marked_folio(w->vma, w->fault_addr, pte);
	unsigned long before, first;

	if (!folio)
		return 0;
	before = (pte_pfn(pte) - folio_pfn(folio)) << PAGE_SHIFT;
	first = max(w->fault_addr & PMD_MASK, w->vma->vm_start);
	return w->fault_addr - first < before ? 0 : w->fault_addr - before;
}

/* Take what goes along; nothing if the folio of the fault does not. */
static void mof_list_gather(struct mof_list *l, pte_t *table)
{
	struct mof_window *w = l->w;
	unsigned long addr = mof_list_start(w, table);
	unsigned int nr;

	l->start = addr;
	if (!addr || !mof_list_take(l, addr, table + pte_index(addr)))
		return;
	l->fault_folio = list_first_entry(&l->folios, struct folio, lru);
	trace_mof_fault(w->fault_addr, l->fault_folio, w->target_nid,
			MOF_OUT_TRYING);
	addr += folio_size(l->fault_folio);
	for (; addr < w->end; addr += max(nr, 1U) * PAGE_SIZE)
		nr = mof_list_take(l, addr, table + pte_index(addr));
}

static struct folio *mof_alloc_dst(struct folio *src, unsigned long nid)
{
	unsigned int order = folio_order(src);
	gfp_t gfp = order ? GFP_TRANSHUGE_LIGHT :
			    GFP_HIGHUSER_MOVABLE & ~__GFP_RECLAIM;

	return __folio_alloc_node(gfp | __GFP_THISNODE | __GFP_NOMEMALLOC |
				  __GFP_NORETRY | __GFP_NOWARN, order, nid);
}

/* Why was it not migrated? migrate_pages() does not tell. */
static enum mof_outcome mof_failure(const struct mof_window *w,
				    struct folio *folio)
{
	if (folio_maybe_dma_pinned(folio))
		return MOF_OUT_PINNED;
	if (mof_node_is_full(w->target_nid, folio_nr_pages(folio),
			     folio_order(folio)))
		return MOF_OUT_NOMEM;
	return MOF_OUT_BUSY;
}

/* Count, and put back, what stays. */
static void mof_list_fail(struct mof_list *l)
{
	struct mof_window *w = l->w;
	enum mof_outcome outcome;
	struct folio *folio;

	list_for_each_entry(folio, &l->folios, lru) {
		outcome = mof_failure(w, folio);
		mof_count_resolved(w->vma->vm_mm, outcome,
				   folio_nr_pages(folio));
		if (folio != l->fault_folio)
			continue;
		trace_mof_migrate(w->fault_addr, w->target_nid,
				  folio_nr_pages(folio), outcome);
		l->fault_folio = NULL;
	}
	putback_movable_pages(&l->folios);
}

static void mof_list_migrate(struct mof_list *l)
{
	unsigned int own = folio_nr_pages(l->fault_folio), moved;
	struct mof_window *w = l->w;

	migrate_pages(&l->folios, mof_alloc_dst, NULL, w->target_nid,
		      MIGRATE_ASYNC, MR_NUMA_MISPLACED, &moved);
	mof_list_fail(l);
	mof_count_resolved(w->vma->vm_mm, MOF_OUT_MIGRATED, moved);
	w->moved = moved;
	/* A folio that is mapped in part may be split, and move in part. */
	w->windowed = l->fault_folio ? moved - min(moved, own) : moved;
}

/* Is a folio that was taken mapped whole again, from the @i-th page on? */
static void mof_list_unqueue(struct mof_list *l, int i, pte_t *ptep)
{
	struct folio *folio = vm_normal_folio(l->w->vma, l->start + i * PAGE_SIZE,
					      ptep_get(ptep));

	if (folio && folio_test_large(folio) &&
	    find_next_zero_bit(l->taken, MOF_WINDOW_MAX, i) >=
	    i + folio_nr_pages(folio) &&
	    mof_maps_all(ptep, folio, false))
		mof_unqueue(folio, 0);
}

/*
 * Entries come back from migration without the right to write, and those that
 * failed early still hint: give them what the stock fault would give them.
 */
static void mof_list_map(struct mof_list *l)
{
	struct mof_window *w = l->w;
	unsigned long addr;
	spinlock_t *ptl;
	pte_t *ptes;
	int i;

	ptes = pte_offset_map_lock(w->vma->vm_mm, w->pmd, l->start, &ptl);
	if (!ptes)
		return;
	for_each_set_bit(i, l->taken, MOF_WINDOW_MAX) {
		addr = l->start + i * PAGE_SIZE;
		if (!pte_present(ptep_get(ptes + i)))
			continue;
		mof_list_unqueue(l, i, ptes + i);
		/* Not if it has been marked anew. */
		if (!mof_marked_folio(w->vma, addr, ptep_get(ptes + i)))
			mof_map_back(w->vma, addr, ptes + i,
				     addr == w->fault_addr);
	}
	pte_unmap_unlock(ptes, ptl);
}

/**
 * mof_generic() - move the folios of a window by migrate_pages()
 * @w: the window; what was migrated is added there
 *
 * One list, in asynchronous mode: nothing waits for folio locks or writeback.
 * What cannot be migrated is mapped again. Counts how each page ended that it
 * took.
 *
 * Context: VMA lock or mmap_lock held; no page table lock, no mapped page
 * table; may sleep.
 * Return: false if the folio of the fault could not be taken: then none was.
 */
bool mof_generic(struct mof_window *w)
{
	struct mof_list l = { .w = w, .folios = LIST_HEAD_INIT(l.folios) };
	unsigned long start = w->fault_addr & PMD_MASK;
	spinlock_t *ptl;
	pte_t *table;

	if (mof_node_is_full(w->target_nid, w->hinting, 0))
		return false;
	table = pte_offset_map_lock(w->vma->vm_mm, w->pmd, start, &ptl);
	if (!table)
		return false;
	mof_list_gather(&l, table);
	pte_unmap_unlock(table, ptl);
	if (!l.fault_folio)
		return false;
	mof_point(MOF_POINT_ISOLATED);
	mof_list_migrate(&l);
	mof_point(MOF_POINT_MIGRATED);
	mof_list_map(&l);
	return true;
}
