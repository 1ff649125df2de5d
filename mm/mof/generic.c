// SPDX-License-Identifier: GPL-2.0
/*
 * Migrate-on-fault: the generic path. Hands everything that the direct path cannot
 * take to migrate_pages() as one list: pages of files, large folios mapped by
 * PTEs, folios in the swap cache, mlocked ones and, with MPOL_MF_MOVE_ALL, folios
 * that other processes map. See Documentation/mm/mof.rst.
 */
#include <linux/mm.h>
#include <linux/gfp.h>
#include <linux/migrate.h>
#include <linux/vmstat.h>

#include <trace/events/mof.h>

#include "../internal.h"
#include "mof.h"

/**
 * struct mof_list - the folios that a fault hands to migrate_pages()
 * @w: the window
 * @folios: the folios, isolated
 * @fault_folio: the faulting folio, if it is among them
 * @token: last_cpupid that all of them had
 * @busy: the faulting folio is busy, and its mark is left for one more touch
 * @start: start of the mapping of the faulting folio
 * @taken: entries of the folios, in pages from @start on
 */
struct mof_list {
	struct mof_window *w;
	struct list_head folios;
	struct folio *fault_folio;
	int token;
	bool busy;
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
 * Are all pages of the folio mapped here, in order, by hinting entries? @ptep is
 * the entry at @addr. A folio that is mapped or marked only in part, or is larger
 * than any window, migrates at its own fault, not as a neighbour.
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
 * Migration unmaps a large folio page by page and so leaves it on the deferred
 * split list: reclaim and the next migration would split it. This folio is fully
 * mapped by entries whose page table lock is held. If it has no other mapping, and
 * no other reference than these and @more, take it off the list; while its
 * reference count is frozen, it cannot be queued again.
 */
static void mof_undo_deferred_split(struct folio *folio, int more)
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

/* Isolate a marked folio; MOF_OUT_TRYING, or the reason why not. */
static enum mof_outcome mof_list_add(struct mof_list *l, struct folio *folio)
{
	struct mof_window *w = l->w;
	enum mof_outcome outcome;

	outcome = mof_may_move(folio, l->token);
	if (outcome != MOF_OUT_TRYING)
		return outcome;
	if (folio_test_large(folio) &&
	    mof_node_is_full(w->target_nid, folio_nr_pages(folio), 0))
		return MOF_OUT_NOMEM;
	if (mof_is_busy(folio) || !mof_isolate(folio))
		return MOF_OUT_BUSY;
	/* One shot: see mof_forget_token(). */
	folio_xchg_last_cpupid(folio, -1);
	list_add_tail(&folio->lru, &l->folios);
	return outcome;
}

/* Take the folio of a neighbouring entry; returns the number of its pages. */
static unsigned int mof_list_take(struct mof_list *l, unsigned long addr,
				  pte_t *ptep)
{
	struct mof_window *w = l->w;
	struct folio *folio = mof_marked_folio(w->vma, addr, ptep_get(ptep));

	/* Skipped folios keep their mark. */
	if (!folio || folio_last_cpupid(folio) != l->token ||
	    !mof_is_whole(l, addr, ptep, folio) ||
	    !mof_same_target(w, addr, folio) || mof_file_stays(w->vma, folio) ||
	    mof_list_add(l, folio) != MOF_OUT_TRYING)
		return 0;
	mof_undo_deferred_split(folio, 1);
	bitmap_set(l->taken, (addr - l->start) >> PAGE_SHIFT,
		   folio_nr_pages(folio));
	return folio_nr_pages(folio);
}

/*
 * Take the faulting folio, even if it is mapped or marked only in part. Returns
 * the end of its mapping; 0 if it stays.
 */
static unsigned long mof_list_take_first(struct mof_list *l, pte_t *table)
{
	struct mof_window *w = l->w;
	pte_t pte = ptep_get(table + pte_index(w->fault_addr));
	struct folio *folio = mof_marked_folio(w->vma, w->fault_addr, pte);
	unsigned long before, first, end, addr;
	enum mof_outcome outcome;

	if (!folio || !mof_same_target(w, w->fault_addr, folio) ||
	    mof_file_stays(w->vma, folio))
		return 0;
	l->token = folio_last_cpupid(folio);
	outcome = mof_list_add(l, folio);
	if (outcome == MOF_OUT_BUSY && mof_touch_again(folio, l->token)) {
		mof_count(w->vma->vm_mm, MOF_RETRIED, folio_nr_pages(folio));
		l->busy = true;
	}
	if (outcome != MOF_OUT_TRYING)
		return 0;
	l->fault_folio = folio;
	before = (pte_pfn(pte) - folio_pfn(folio)) << PAGE_SHIFT;
	first = max(w->fault_addr & PMD_MASK, w->vma->vm_start);
	l->start = w->fault_addr - min(before, w->fault_addr - first);
	if (before >= MOF_WINDOW_MAX * PAGE_SIZE)
		l->start = w->fault_addr;
	end = min((w->fault_addr & PMD_MASK) + PMD_SIZE, w->vma->vm_end);
	end = min(end, w->fault_addr - before + folio_size(folio));
	end = min(end, l->start + MOF_WINDOW_MAX * PAGE_SIZE);
	for (addr = l->start; addr < end; addr += PAGE_SIZE) {
		pte = ptep_get(table + pte_index(addr));
		if (pte_present(pte) && pte_protnone(pte) &&
		    pfn_folio(pte_pfn(pte)) == folio)
			__set_bit((addr - l->start) >> PAGE_SHIFT, l->taken);
	}
	if (end - l->start == folio_size(folio) &&
	    mof_maps_all(table + pte_index(l->start), folio, false))
		mof_undo_deferred_split(folio, 1);
	return end;
}

/* Take the folios of the window; none if the faulting one stays. */
static void mof_list_gather(struct mof_list *l, pte_t *table)
{
	struct mof_window *w = l->w;
	unsigned long addr = mof_list_take_first(l, table);
	unsigned int nr;

	if (!addr)
		return;
	trace_mof_fault(w->fault_addr, l->fault_folio, w->target_nid,
			MOF_OUT_TRYING);
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

/* Why has it not migrated? migrate_pages() does not report that. */
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

/* Put back and count the folios that stay; mof_list_map() does the rest. */
static void mof_list_fail(struct mof_list *l)
{
	struct mof_window *w = l->w;
	enum mof_outcome outcome;
	struct folio *folio;

	list_for_each_entry(folio, &l->folios, lru) {
		outcome = mof_failure(w, folio);
		if (outcome != MOF_OUT_BUSY || !mof_touch_again(folio, l->token))
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
	/* A partially mapped folio may be split and migrate in part. */
	w->windowed = l->fault_folio ? moved - min(moved, own) : moved;
}

/* If the entries from the @i-th on map all of a large folio again, undo its split. */
static void mof_list_undo_deferred_split(struct mof_list *l, int i, pte_t *ptep)
{
	struct folio *folio = vm_normal_folio(l->w->vma, l->start + i * PAGE_SIZE,
					      ptep_get(ptep));

	if (folio && folio_test_large(folio) &&
	    find_next_zero_bit(l->taken, MOF_WINDOW_MAX, i) >=
	    i + folio_nr_pages(folio) &&
	    mof_maps_all(ptep, folio, false))
		mof_undo_deferred_split(folio, 0);
}

/*
 * Is the folio of a present entry left for one more touch? If the entry still
 * hints, count it in @retried. If not, migration has failed after it had unmapped
 * the folio: the mark is gone, so count the folio as busy.
 */
static bool mof_list_retries(struct mof_list *l, unsigned long addr, pte_t pte,
			     unsigned int *retried)
{
	struct folio *folio = vm_normal_folio(l->w->vma, addr, pte);

	if (!folio || folio_use_access_time(folio) ||
	    !mof_is_again(folio_last_cpupid(folio)))
		return false;
	if (pte_protnone(pte)) {
		++*retried;
		return true;
	}
	folio_xchg_last_cpupid(folio, -1);
	mof_count_resolved(l->w->vma->vm_mm, MOF_OUT_BUSY,
			   folio_nr_pages(folio));
	return false;
}

/*
 * Entries come back from migration read-only, and some of those that failed early
 * still hint: give them the permissions that the stock fault would give.
 */
static void mof_list_map(struct mof_list *l)
{
	struct mof_window *w = l->w;
	unsigned int retried = 0;
	unsigned long addr;
	spinlock_t *ptl;
	pte_t *ptes, pte;
	int i;

	ptes = pte_offset_map_lock(w->vma->vm_mm, w->pmd, l->start, &ptl);
	if (!ptes)
		return;
	for_each_set_bit(i, l->taken, MOF_WINDOW_MAX) {
		addr = l->start + i * PAGE_SIZE;
		pte = ptep_get(ptes + i);
		if (!pte_present(pte))
			continue;
		mof_list_undo_deferred_split(l, i, ptes + i);
		/* Not if it was marked again concurrently. */
		if (!mof_list_retries(l, addr, pte, &retried) &&
		    !mof_marked_folio(w->vma, addr, pte))
			mof_map(w->vma, addr, ptes + i,
				addr == w->fault_addr);
	}
	pte_unmap_unlock(ptes, ptl);
	mof_count(w->vma->vm_mm, MOF_RETRIED, retried);
}

/**
 * mof_generic() - migrate the folios of a window by migrate_pages()
 * @w: the window; migrated pages are added there
 *
 * One list, in asynchronous mode: nothing waits for folio locks or writeback.
 * Pages that cannot migrate are mapped. The mark of a busy folio is left for one
 * more touch, once; for the faulting folio, that is the same access again. Counts
 * the outcome of each page that it has taken.
 *
 * Context: VMA lock or mmap_lock held; no page table lock, no mapped page
 * table; may sleep.
 * Return: false if the faulting folio could not be taken and is not left for one
 * more touch: then none was taken.
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
		return l.busy;
	mof_point(MOF_POINT_ISOLATED);
	mof_list_migrate(&l);
	mof_point(MOF_POINT_MIGRATED);
	mof_list_map(&l);
	return true;
}
