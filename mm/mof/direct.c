// SPDX-License-Identifier: GPL-2.0
/*
 * Migrate-on-fault: the direct path. Migrates anonymous base pages that only this
 * mapping uses, through migration entries and without an rmap walk: the fault
 * knows the one mapping. See Documentation/mm/mof.rst.
 *
 * The caller holds the VMA lock or mmap_lock for reading throughout, so there is
 * no VMA change, fork or exec. Once a folio is taken, it is locked and its
 * reference count is frozen at zero: nothing else can get hold of it. Only
 * zapping (MADV_DONTNEED, the OOM reaper) can remove the migration entry.
 */
#include <linux/mm.h>
#include <linux/error-injection.h>
#include <linux/huge_mm.h>
#include <linux/memcontrol.h>
#include <linux/migrate.h>
#include <linux/mm_inline.h>
#include <linux/mmu_notifier.h>
#include <linux/page-flags.h>
#include <linux/pagevec.h>
#include <linux/rmap.h>
#include <linux/sched/mm.h>
#include <linux/swapops.h>
#include <linux/userfaultfd_k.h>
#include <linux/vmstat.h>

#include <asm/tlbflush.h>

#include <trace/events/mof.h>

#include "../internal.h"
#include "mof.h"

#define MOF_BATCH_MAX	48	/* pages of a batch: its arrays are on the stack */

#define MOF_COPIED	BIT(0)
#define MOF_MAPPED	BIT(1)

/**
 * struct mof_batch - pages of a window that migrate together
 * @w: the window
 * @start: address of the first page to look at
 * @next: where the next batch starts
 * @nr: number of pages in flight
 * @nr_dst: number of destinations
 * @slot: page number of each of them, relative to @start
 * @state: MOF_COPIED: the destination has the contents; MOF_MAPPED: the
 *	destination is mapped, or the source if the copy has failed
 * @src: their folios, locked, with frozen reference counts
 * @dst: the destinations
 */
struct mof_batch {
	struct mof_window *w;
	unsigned long start;
	unsigned long next;
	unsigned int nr;
	unsigned int nr_dst;
	u16 slot[MOF_BATCH_MAX];
	u8 state[MOF_BATCH_MAX];
	struct folio *src[MOF_BATCH_MAX];
	struct folio *dst[MOF_BATCH_MAX];
};

/* The folio that will be mapped: if the copy has failed, the source. */
static inline struct folio *mof_folio_to_map(const struct mof_batch *b,
					     unsigned int i)
{
	return b->state[i] & MOF_COPIED ? b->dst[i] : b->src[i];
}

#define MOF_DST_GFP	((GFP_HIGHUSER_MOVABLE & ~__GFP_RECLAIM) |	\
			 __GFP_THISNODE | __GFP_NOMEMALLOC |		\
			 __GFP_NORETRY | __GFP_NOWARN)

/*
 * Allocate @nr destinations, not charged yet. Neither reclaims nor goes below the
 * node's high watermark. No page table may be mapped here.
 */
static noinline bool mof_direct_alloc(struct mof_batch *b, unsigned int nr)
{
	/* The bulk allocator does not apply the task's context itself. */
	gfp_t gfp = current_gfp_context(MOF_DST_GFP);
	int nid = b->w->target_nid;

	b->nr_dst = 0;
	if (mof_node_is_full(nid, nr, 0))
		return false;
	memset(b->dst, 0, nr * sizeof(b->dst[0]));
	/* Pages of order 0 are folios. */
	b->nr_dst = alloc_pages_bulk_array_node(gfp, nid, nr,
						(struct page **)b->dst);
	return b->nr_dst;
}
ALLOW_ERROR_INJECTION(mof_direct_alloc, NULL);

/*
 * LRU lists and their statistics, with one lock and one update for all folios of
 * a batch that share an lruvec.
 */

/**
 * struct mof_lru - pending updates of the statistics of an lruvec
 * @lruvec: the lruvec, locked; NULL if there is none yet
 * @list: the list
 * @zid: the zone
 * @listed: pages added to that list, negative if removed
 * @mapped: change of mapped anonymous pages
 */
struct mof_lru {
	struct lruvec *lruvec;
	enum lru_list list;
	enum zone_type zid;
	int listed;
	int mapped;
};

static void mof_lru_flush(struct mof_lru *lru)
{
	if (lru->listed)
		update_lru_size(lru->lruvec, lru->list, lru->zid, lru->listed);
	if (lru->mapped)
		__mod_lruvec_state(lru->lruvec, NR_ANON_MAPPED, lru->mapped);
	lru->listed = 0;
	lru->mapped = 0;
}

static void mof_lru_unlock(struct mof_lru *lru)
{
	if (!lru->lruvec)
		return;
	mof_lru_flush(lru);
	unlock_page_lruvec_irq(lru->lruvec);
	lru->lruvec = NULL;
}

/* These two are inlined: they are half of what a folio costs here. */

/* Lock the lruvec of @folio unless it is locked already. */
static __always_inline void mof_lru_lock(struct mof_lru *lru, struct folio *folio)
{
	if (lru->lruvec && !folio_matches_lruvec(folio, lru->lruvec))
		mof_lru_unlock(lru);
	if (!lru->lruvec)
		lru->lruvec = folio_lruvec_lock_irq(folio);
}

/* Count @nr pages on (or off) the list of @folio. */
static __always_inline void mof_lru_count(struct mof_lru *lru,
					  struct folio *folio, int nr)
{
	enum zone_type zid = folio_zonenum(folio);
	enum lru_list list = folio_lru_list(folio);

	if (lru->listed && (lru->list != list || lru->zid != zid))
		mof_lru_flush(lru);
	lru->list = list;
	lru->zid = zid;
	lru->listed += nr;
}

/*
 * Take the sources off the LRU lists. lruvec_del_folio() for many that also
 * counts them as no longer mapped: the caller removes their mappings. Context:
 * page table lock held.
 */
static noinline_for_stack void mof_lru_del(struct mof_batch *b)
{
	struct mof_lru lru = {};
	unsigned int i;

	for (i = 0; i < b->nr; i++) {
		struct folio *folio = b->src[i];

		mof_lru_lock(&lru, folio);
		folio_clear_lru(folio);
		lru.mapped--;
		if (lru_gen_del_folio(lru.lruvec, folio, false))
			continue;
		list_del(&folio->lru);
		mof_lru_count(&lru, folio, -1);
	}
	mof_lru_unlock(&lru);
}

/*
 * Put the folios that will be mapped on the LRU lists, directly and not through
 * the CPU's batch, so that they can be isolated at once. Counts them as mapped:
 * mof_direct_end() corrects that for folios that could not be mapped.
 */
static noinline_for_stack void mof_lru_add(struct mof_batch *b)
{
	struct mof_lru lru = {};
	unsigned int i;

	for (i = 0; i < b->nr; i++) {
		struct folio *folio = mof_folio_to_map(b, i);

		mof_lru_lock(&lru, folio);
		folio_set_lru(folio);
		lru.mapped++;
		if (lru_gen_add_folio(lru.lruvec, folio, false))
			continue;
		mof_lru_count(&lru, folio, 1);
		list_add(&folio->lru, &lru.lruvec->lists[lru.list]);
	}
	mof_lru_unlock(&lru);
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

/*
 * Will the page be mapped writable? Not in a VMA that a userfaultfd may protect:
 * PAGEMAP_SCAN protects a migration entry, but leaves it writable.
 */
static bool mof_stays_writable(const struct mof_window *w, unsigned long addr,
			       pte_t pte)
{
	return w->writable ||
	       (!userfaultfd_wp(w->vma) && mof_may_write(w->vma, addr, pte));
}

/*
 * Take a folio: lock it, replace its entry by a migration entry and freeze its
 * reference count. A frozen folio cannot be isolated, so it stays on its LRU list
 * until mof_lru_del(), which also updates NR_ANON_MAPPED; apart from that,
 * folio_remove_rmap_pte() only drops the mapcount of an order-0 folio.
 *
 * The entry is cleared before the freeze: on s390, ptep_get_and_clear() takes and
 * drops a reference and relies on that of the mapping.
 */
static bool mof_direct_take(const struct mof_window *w, unsigned long addr,
			    pte_t *ptep, struct folio *folio)
{
	struct vm_area_struct *vma = w->vma;
	bool writable;
	pte_t old;

	if (!folio_trylock(folio))
		return false;
	writable = mof_stays_writable(w, addr, ptep_get(ptep));
	old = ptep_get_and_clear(vma->vm_mm, addr, ptep);
	if (!folio_test_lru(folio) || !folio_ref_freeze(folio, 1)) {
		set_pte_at(vma->vm_mm, addr, ptep, old);
		folio_unlock(folio);
		return false;
	}
	if (addr == w->fault_addr)
		old = pte_mkyoung(old);
	if (pte_dirty(old) && !folio_test_dirty(folio))
		folio_set_dirty(folio);
	ClearPageAnonExclusive(&folio->page);
	atomic_set(&folio->_mapcount, -1);
	/* One shot: see mof_forget_token(). */
	folio_xchg_last_cpupid(folio, -1);
	set_pte_at(vma->vm_mm, addr, ptep,
		   mof_migration_pte(folio, old, writable));
	return true;
}

/*
 * Take the pages that have the target of the window; none if the faulting page
 * cannot be taken. @pte is the entry of @b->start.
 */
static void mof_direct_gather(struct mof_batch *b, pte_t *pte)
{
	const struct mof_window *w = b->w;
	unsigned long addr = b->start;
	struct folio *folio;

	b->nr = 0;
	arch_enter_lazy_mmu_mode();
	for (; addr < w->end && b->nr < b->nr_dst; addr += PAGE_SIZE, pte++) {
		folio = mof_marked_folio(w->vma, addr, ptep_get(pte));
		if (folio && mof_direct_can(folio) &&
		    mof_same_target(w, addr, folio) &&
		    mof_direct_take(w, addr, pte, folio)) {
			b->slot[b->nr] = (addr - b->start) >> PAGE_SHIFT;
			b->state[b->nr] = 0;
			b->src[b->nr++] = folio;
		} else if (addr == w->fault_addr) {
			break;
		}
	}
	arch_leave_lazy_mmu_mode();
	b->next = addr;
}

/*
 * Fails with -EHWPOISON or -EFAULT if the source cannot be read, or by error
 * injection.
 */
static noinline int mof_copy_folio(struct folio *dst, struct folio *src)
{
	return folio_mc_copy(dst, src);
}
ALLOW_ERROR_INJECTION(mof_copy_folio, ERRNO);

/* Copy the contents and the state of a folio. */
static int mof_direct_copy(struct folio *dst, struct folio *src)
{
	int err = mof_copy_folio(dst, src);

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

/* A source that cannot be read stays, and its destination is freed. */
static void mof_direct_copy_all(struct mof_batch *b)
{
	unsigned int i;

	for (i = 0; i < b->nr; i++)
		if (!mof_direct_copy(b->dst[i], b->src[i]))
			b->state[i] |= MOF_COPIED;
}

static pte_t mof_restored_pte(struct vm_area_struct *vma, struct folio *folio,
			      pte_t old)
{
	swp_entry_t entry = pte_to_swp_entry(old);
	pte_t pte = mk_pte(&folio->page, READ_ONCE(vma->vm_page_prot));

	if (!is_migration_entry_young(entry))
		pte = pte_mkold(pte);
	if (is_migration_entry_dirty(entry) && folio_test_dirty(folio))
		pte = pte_mkdirty(pte);
	if (pte_swp_soft_dirty(old))
		pte = pte_mksoft_dirty(pte);
	else
		pte = pte_clear_soft_dirty(pte);
	if (is_writable_migration_entry(entry))
		pte = pte_mkwrite(pte, vma);
	else if (pte_swp_uffd_wp(old))
		pte = pte_mkuffd_wp(pte);
	return pte;
}

/* Is the migration entry of @src still there? Zapping may have removed it. */
static bool mof_is_migrating(pte_t pte, struct folio *src)
{
	swp_entry_t entry;

	if (!is_swap_pte(pte))
		return false;
	entry = pte_to_swp_entry(pte);
	return is_migration_entry(entry) &&
	       swp_offset_pfn(entry) == folio_pfn(src);
}

/*
 * Map the folio and unlock it: under the page table lock it cannot be zapped before
 * that. The mapping gets the reference of the allocation.
 */
static bool mof_direct_map_one(struct mof_batch *b, unsigned int i, pte_t *ptep)
{
	unsigned long addr = b->start + b->slot[i] * PAGE_SIZE;
	struct vm_area_struct *vma = b->w->vma;
	struct folio *folio = mof_folio_to_map(b, i);
	pte_t old = ptep_get(ptep);

	if (!mof_is_migrating(old, b->src[i]))
		return false;
	if (folio == b->src[i])
		folio_ref_unfreeze(folio, 1);
	atomic_set(&folio->_mapcount, 0);
	SetPageAnonExclusive(&folio->page);
	set_pte_at(vma->vm_mm, addr, ptep, mof_restored_pte(vma, folio, old));
	update_mmu_cache(vma, addr, ptep);
	folio_unlock(folio);
	return true;
}

static void mof_direct_map(struct mof_batch *b)
{
	const struct mof_window *w = b->w;
	spinlock_t *ptl;
	unsigned int i;
	pte_t *pte;

	pte = pte_offset_map_lock(w->vma->vm_mm, w->pmd, b->start, &ptl);
	if (!pte)
		return;
	arch_enter_lazy_mmu_mode();
	for (i = 0; i < b->nr; i++)
		if (mof_direct_map_one(b, i, pte + b->slot[i]))
			b->state[i] |= MOF_MAPPED;
	arch_leave_lazy_mmu_mode();
	pte_unmap_unlock(pte, ptl);
}

static void mof_put(struct folio *folio, struct folio_batch *batch)
{
	if (!folio_batch_add(batch, folio))
		folios_put(batch);
}

/* Unlock an unmapped folio, which wakes waiters on its migration entry; free it. */
static void mof_direct_drop(struct folio *folio, bool frozen,
			    struct folio_batch *batch)
{
	if (frozen)
		folio_ref_unfreeze(folio, 1);
	folio_unlock(folio);
	mof_put(folio, batch);
}

/* The mappings are final: free the folios that are not mapped. */
static enum mof_outcome mof_direct_end(struct mof_batch *b, unsigned int i,
				       struct folio_batch *batch)
{
	bool copied = b->state[i] & MOF_COPIED;
	struct folio *folio;

	if (copied)
		mof_direct_drop(b->src[i], true, batch);
	else
		mof_put(b->dst[i], batch);
	if (b->state[i] & MOF_MAPPED)
		return copied ? MOF_OUT_MIGRATED : MOF_OUT_BUSY;
	/* Not before: a mapped folio may be gone by now. */
	folio = mof_folio_to_map(b, i);
	lruvec_stat_mod_folio(folio, NR_ANON_MAPPED, -1);
	mof_direct_drop(folio, !copied, batch);
	return MOF_OUT_RACED;
}

/* Free unused destinations as well, and count the outcomes. */
static noinline_for_stack void mof_direct_free(struct mof_batch *b,
					       unsigned int *count)
{
	struct folio_batch batch;
	unsigned int i;

	folio_batch_init(&batch);
	for (i = 0; i < b->nr; i++)
		count[mof_direct_end(b, i, &batch)]++;
	for (; i < b->nr_dst; i++)
		mof_put(b->dst[i], &batch);
	folios_put(&batch);

	for (i = 0; i < MOF_NR_OUTCOMES; i++)
		if (count[i])
			mof_count_resolved(b->w->vma->vm_mm, i, count[i]);
}

/* Copy and map the pages in flight; returns how many were migrated. */
static noinline_for_stack unsigned int mof_direct_finish(struct mof_batch *b)
{
	unsigned int count[MOF_NR_OUTCOMES] = {};
	struct mof_window *w = b->w;

	mof_direct_copy_all(b);
	mof_lru_add(b);
	mof_point(MOF_POINT_COPIED);
	mof_direct_map(b);
	mof_point(MOF_POINT_MAPPED);
	mof_direct_free(b, count);

	count_vm_events(PGMIGRATE_SUCCESS, count[MOF_OUT_MIGRATED]);
	w->moved += count[MOF_OUT_MIGRATED];
	w->windowed += count[MOF_OUT_MIGRATED];
	/* The faulting page is the first of the first batch. */
	if (b->nr && b->start == w->fault_addr &&
	    b->state[0] == (MOF_COPIED | MOF_MAPPED))
		w->windowed--;
	return count[MOF_OUT_MIGRATED];
}

/* Replace the entries of pages that can be taken by migration entries. */
static noinline_for_stack void mof_direct_start(struct mof_batch *b)
{
	const struct mof_window *w = b->w;
	struct mm_struct *mm = w->vma->vm_mm;
	struct mmu_notifier_range range;
	spinlock_t *ptl;
	pte_t *pte;

	mof_point(MOF_POINT_ALLOCATED);
	b->nr = 0;
	mmu_notifier_range_init(&range, MMU_NOTIFY_CLEAR, 0, mm, b->start,
				w->end);
	mmu_notifier_invalidate_range_start(&range);
	pte = pte_offset_map_lock(mm, w->pmd, b->start, &ptl);
	if (pte) {
		mof_direct_gather(b, pte);
		mof_point(MOF_POINT_TAKEN);
		mof_lru_del(b);
		pte_unmap_unlock(pte, ptl);
	}
	mof_point(MOF_POINT_UNMAPPED);
	/*
	 * Hinting entries are in no TLB, but a concurrent marker may not have
	 * flushed yet; it incremented tlb_flush_pending before it took the page
	 * table lock.
	 */
	if (b->nr && mm_tlb_flush_pending(mm))
		flush_tlb_range(w->vma, b->start, w->end);
	mmu_notifier_invalidate_range_end(&range);
}

/**
 * mof_direct() - migrate the pages of a window by the direct path
 * @w: the window; migrated pages are added there
 *
 * Works in batches of up to MOF_BATCH_MAX pages and ends early when a batch
 * migrates nothing. Counts the outcome of each page that it has taken.
 *
 * Context: VMA lock or mmap_lock held; no page table lock, no mapped page
 * table; may sleep.
 * Return: false if the faulting page could not be taken: then none was.
 */
bool mof_direct(struct mof_window *w)
{
	unsigned int left = w->hinting, nr, got;
	bool taken = false;
	struct mof_batch b;

	b.w = w;
	b.start = w->fault_addr;
	do {
		nr = min(left, MOF_BATCH_MAX);
		if (!mof_direct_alloc(&b, nr))
			break;
		mof_direct_start(&b);
		got = mof_direct_finish(&b);
		taken |= b.nr > 0;
		left -= nr;
		b.start = b.next;
	} while (got && left && b.start < w->end);
	return taken;
}
