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
#include <linux/error-injection.h>
#include <linux/huge_mm.h>
#include <linux/memcontrol.h>
#include <linux/migrate.h>
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
#include "window.h"

/* Pages that one pass moves: what is known of each is on the stack. */
#define MOF_RUN_MAX	48

/**
 * struct mof_run - the pages of one pass
 * @w: the window that they are from
 * @start: address of the first page to look at
 * @next: where the next pass goes on
 * @nr: how many are in flight
 * @nr_dst: how many destinations there are
 * @slot: page number of each, from @start on
 * @gone: folios that the pass makes free: locked, references frozen
 * @dst: the destinations, as the allocator fills them in
 * @kept: folios that take their places: the same, until a copy fails
 * @moved: set where @kept is the destination; else the copy has failed, and
 *	   @gone and @kept have been exchanged
 * @mapped: set where @kept could be mapped
 */
struct mof_run {
	struct mof_window *w;
	unsigned long start;
	unsigned long next;
	unsigned int nr;
	unsigned int nr_dst;
	u16 slot[MOF_RUN_MAX];
	struct folio *gone[MOF_RUN_MAX];
	union {
		struct page *dst[MOF_RUN_MAX];
		struct folio *kept[MOF_RUN_MAX];
	};
	DECLARE_BITMAP(moved, MOF_RUN_MAX);
	DECLARE_BITMAP(mapped, MOF_RUN_MAX);
};

#define MOF_DST_GFP	((GFP_HIGHUSER_MOVABLE & ~__GFP_RECLAIM) |	\
			 __GFP_THISNODE | __GFP_NOMEMALLOC |		\
			 __GFP_NORETRY | __GFP_NOWARN)

/*
 * Get @nr destinations, charged to nobody yet. Does not reclaim, and keeps away
 * from the node's watermarks. No page table may be mapped meanwhile.
 */
static noinline bool mof_direct_alloc(struct mof_run *m, unsigned int nr)
{
	/* The bulk allocator, unlike others, does not do that by itself. */
	gfp_t gfp = current_gfp_context(MOF_DST_GFP);
	int nid = m->w->target_nid;

	m->nr_dst = 0;
	if (mof_node_is_full(nid, nr, 0))
		return false;
	memset(m->dst, 0, nr * sizeof(m->dst[0]));
	m->nr_dst = alloc_pages_bulk_array_node(gfp, nid, nr, m->dst);
	return m->nr_dst;
}
ALLOW_ERROR_INJECTION(mof_direct_alloc, NULL);

static unsigned long mof_run_addr(const struct mof_run *m, unsigned int i)
{
	return m->start + m->slot[i] * PAGE_SIZE;
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
 * Will the page be mapped writable? In a VMA that a userfaultfd may protect it is
 * not: PAGEMAP_SCAN protects a migration entry without making that readable.
 */
static bool mof_stays_writable(const struct mof_window *w, unsigned long addr,
			       pte_t pte)
{
	return w->writable ||
	       (!userfaultfd_wp(w->vma) && mof_may_write(w->vma, addr, pte));
}

/*
 * Make a folio ours alone: exchange its entry for a migration entry, lock it and
 * freeze its references. A frozen folio cannot be isolated, so it stays on its LRU
 * list until mof_batch_del(), which also updates NR_ANON_MAPPED: all else that
 * folio_remove_rmap_pte() does for a folio of one page is to count its mapping.
 *
 * The entry is cleared before the freeze: on s390, ptep_get_and_clear() takes
 * and drops a reference, and relies on that of the mapping.
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
 * Take the pages that have the target of the window; none if the page of the
 * fault cannot be taken. @pte is the entry of @m->start.
 */
static void mof_direct_gather(struct mof_run *m, pte_t *pte)
{
	const struct mof_window *w = m->w;
	unsigned long addr = m->start;
	struct folio *folio;

	m->nr = 0;
	arch_enter_lazy_mmu_mode();
	for (; addr < w->end && m->nr < m->nr_dst; addr += PAGE_SIZE, pte++) {
		folio = mof_marked_folio(w->vma, addr, ptep_get(pte));
		if (folio && mof_direct_can(folio) &&
		    mof_goes_along(w, addr, folio) &&
		    mof_direct_take(w, addr, pte, folio)) {
			m->slot[m->nr] = (addr - m->start) >> PAGE_SHIFT;
			m->gone[m->nr++] = folio;
		} else if (addr == w->fault_addr) {
			break;
		}
	}
	arch_leave_lazy_mmu_mode();
	m->next = addr;
}

/*
 * Tests let it fail by error injection, as with a source that is poisoned.
 * -EHWPOISON or -EFAULT if the source cannot be read.
 */
static noinline int mof_copy_folio(struct folio *dst, struct folio *src)
{
	return folio_mc_copy(dst, src);
}
ALLOW_ERROR_INJECTION(mof_copy_folio, ERRNO);

/* The copy, and all that goes with the folio. */
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

/* A source that cannot be read stays, and the destination goes. */
static void mof_direct_copy_all(struct mof_run *m)
{
	unsigned int i;

	bitmap_zero(m->moved, MOF_RUN_MAX);
	for (i = 0; i < m->nr; i++) {
		if (!mof_direct_copy(m->kept[i], m->gone[i]))
			__set_bit(i, m->moved);
		else
			swap(m->kept[i], m->gone[i]);
	}
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

/* Does the migration entry of @src still stand? Zapping may have removed it. */
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
 * Map what is kept, and let others have it: under the page table lock nobody
 * can zap it before it is unlocked. The mapping gets the reference of the
 * allocation. For NR_ANON_MAPPED see mof_batch_add().
 */
static bool mof_direct_map_one(struct mof_run *m, unsigned int i, pte_t *ptep)
{
	struct vm_area_struct *vma = m->w->vma;
	unsigned long addr = mof_run_addr(m, i);
	bool moved = test_bit(i, m->moved);
	struct folio *folio = m->kept[i];
	pte_t old = ptep_get(ptep);

	if (!mof_still_ours(old, moved ? m->gone[i] : folio))
		return false;
	if (!moved)
		folio_ref_unfreeze(folio, 1);
	atomic_set(&folio->_mapcount, 0);
	SetPageAnonExclusive(&folio->page);
	set_pte_at(vma->vm_mm, addr, ptep, mof_restored_pte(vma, folio, old));
	update_mmu_cache(vma, addr, ptep);
	folio_unlock(folio);
	return true;
}

static void mof_direct_map(struct mof_run *m)
{
	const struct mof_window *w = m->w;
	spinlock_t *ptl;
	unsigned int i;
	pte_t *pte;

	bitmap_zero(m->mapped, MOF_RUN_MAX);
	pte = pte_offset_map_lock(w->vma->vm_mm, w->pmd, m->start, &ptl);
	if (!pte)
		return;
	arch_enter_lazy_mmu_mode();
	for (i = 0; i < m->nr; i++)
		if (mof_direct_map_one(m, i, pte + m->slot[i]))
			__set_bit(i, m->mapped);
	arch_leave_lazy_mmu_mode();
	pte_unmap_unlock(pte, ptl);
}

static void mof_put(struct folio *folio, struct folio_batch *batch)
{
	if (!folio_batch_add(batch, folio))
		folios_put(batch);
}

/* Nobody maps it: wake those who wait for its migration entry, and free it. */
static void mof_direct_drop(struct folio *folio, bool frozen,
			    struct folio_batch *batch)
{
	if (frozen)
		folio_ref_unfreeze(folio, 1);
	folio_unlock(folio);
	mof_put(folio, batch);
}

/* The mappings are final: let go of what is not mapped. */
static enum mof_outcome mof_direct_end(struct mof_run *m, unsigned int i,
				       struct folio_batch *batch)
{
	bool moved = test_bit(i, m->moved);

	if (moved)
		mof_direct_drop(m->gone[i], true, batch);
	else
		mof_put(m->gone[i], batch);
	if (test_bit(i, m->mapped))
		return moved ? MOF_OUT_MIGRATED : MOF_OUT_BUSY;
	lruvec_stat_mod_folio(m->kept[i], NR_ANON_MAPPED, -1);
	mof_direct_drop(m->kept[i], !moved, batch);
	return MOF_OUT_RACED;
}

/* Free what is left over, and count. */
static noinline_for_stack void mof_direct_free(struct mof_run *m,
					       unsigned int *count)
{
	struct folio_batch batch;
	unsigned int i;

	folio_batch_init(&batch);
	for (i = 0; i < m->nr; i++)
		count[mof_direct_end(m, i, &batch)]++;
	for (; i < m->nr_dst; i++)
		mof_put(m->kept[i], &batch);
	folios_put(&batch);

	for (i = 0; i < MOF_NR_OUTCOMES; i++)
		if (count[i])
			mof_count_resolved(m->w->vma->vm_mm, i, count[i]);
}

/* Copy what is in flight, and map it again; how many pages were migrated. */
static unsigned int mof_direct_finish(struct mof_run *m)
{
	unsigned int count[MOF_NR_OUTCOMES] = {};
	struct mof_window *w = m->w;

	mof_direct_copy_all(m);
	mof_batch_add(m->kept, m->nr);
	mof_point(MOF_POINT_COPIED);
	mof_direct_map(m);
	mof_point(MOF_POINT_MAPPED);
	mof_direct_free(m, count);

	count_vm_events(PGMIGRATE_SUCCESS, count[MOF_OUT_MIGRATED]);
	w->moved += count[MOF_OUT_MIGRATED];
	w->windowed += count[MOF_OUT_MIGRATED];
	/* The page of the fault is the first of the first pass. */
	if (m->start == w->fault_addr && test_bit(0, m->moved) &&
	    test_bit(0, m->mapped))
		w->windowed--;
	return count[MOF_OUT_MIGRATED];
}

/* Put migration entries in place of what can be taken. */
static void mof_direct_start(struct mof_run *m)
{
	const struct mof_window *w = m->w;
	struct mm_struct *mm = w->vma->vm_mm;
	struct mmu_notifier_range range;
	spinlock_t *ptl;
	pte_t *pte;

	mof_point(MOF_POINT_ALLOCATED);
	m->nr = 0;
	mmu_notifier_range_init(&range, MMU_NOTIFY_CLEAR, 0, mm, m->start,
				w->end);
	mmu_notifier_invalidate_range_start(&range);
	pte = pte_offset_map_lock(mm, w->pmd, m->start, &ptl);
	if (pte) {
		mof_direct_gather(m, pte);
		mof_point(MOF_POINT_TAKEN);
		mof_batch_del(m->gone, m->nr);
		pte_unmap_unlock(pte, ptl);
	}
	mof_point(MOF_POINT_UNMAPPED);
	/*
	 * A hinting entry is in no TLB, so nothing has to be flushed; but a
	 * concurrent marker may not have flushed yet. It incremented
	 * tlb_flush_pending before it took the page table lock.
	 */
	if (m->nr && mm_tlb_flush_pending(mm))
		flush_tlb_range(w->vma, m->start, w->end);
	mmu_notifier_invalidate_range_end(&range);
}

/**
 * mof_direct() - move the pages of a window by the direct path
 * @w: the window; what was migrated is added there
 *
 * In passes of up to MOF_RUN_MAX pages; ends early when nothing was migrated.
 * Counts how each page ended that it took.
 *
 * Context: VMA lock or mmap_lock held; no page table lock, no mapped page
 * table; may sleep.
 * Return: false if the page of the fault could not be taken: then none was.
 */
bool mof_direct(struct mof_window *w)
{
	unsigned int left = w->hinting, nr, got;
	bool taken = false;
	struct mof_run m;

	m.w = w;
	m.start = w->fault_addr;
	do {
		nr = min(left, MOF_RUN_MAX);
		if (!mof_direct_alloc(&m, nr))
			break;
		mof_direct_start(&m);
		got = mof_direct_finish(&m);
		taken |= m.nr > 0;
		left -= nr;
		m.start = m.next;
	} while (got && left && m.start < w->end);
	return taken;
}
