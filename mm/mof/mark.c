// SPDX-License-Identifier: GPL-2.0
/*
 * Migrate-on-fault: marking. Turns the present entries of a range into hinting
 * ones, for mbind(2) with MPOL_MF_LAZY and for the automatic mode.
 * See Documentation/mm/mof.rst.
 *
 * Guarantees: an entry is changed only under its page table lock, and only if the
 * folio that it maps at that moment qualifies. An mmu notifier range spans at most
 * one PUD and is open only while that is walked. mof_mbind() flushes TLBs before
 * it ends; mof_mark_part() leaves that to its caller. A THP is marked as one unit,
 * even if the range covers only part of it, and never split. Nothing waits for a
 * folio lock or for I/O.
 */
#include <linux/mm.h>
#include <linux/bits.h>
#include <linux/fs.h>
#include <linux/huge_mm.h>
#include <linux/hugetlb.h>
#include <linux/mempolicy.h>
#include <linux/mmap_lock.h>
#include <linux/mmu_notifier.h>
#include <linux/pagemap.h>
#include <linux/pagewalk.h>
#include <linux/sched/signal.h>
#include <linux/sched/sysctl.h>
#include <linux/secretmem.h>
#include <linux/swap.h>
#include <linux/swapops.h>

#include <asm/tlb.h>

#include <trace/events/mof.h>

#include "../internal.h"
#include "mof.h"

/**
 * struct mof_mark - a walk that marks
 * @lazy: MPOL_MF_* flags of the request
 * @token: token of the marks
 * @part: marks one part of an extent, for the automatic mode
 * @sample: the mark is a sample
 * @tiering: folios on slow nodes hold an access time and no token
 * @tlb: gathers the TLB flush of this VMA
 * @range: the piece of this VMA that secondary MMUs were told of
 * @announced: the invalidation of @range has started and not ended
 * @first: where this walk has started
 * @next: where the next one continues, if this one ends with -EAGAIN
 * @start: start of the range in this VMA, whole THPs included
 * @end: its end
 * @marked: base pages marked in this VMA; not those that had the same mark
 * @failed: misplaced base pages in this VMA that could not be marked
 * @any_failed: @failed was not 0 in some VMA
 * @any_held: some marked folio has more references than expected: an LRU batch of
 *	      some CPU may hold it
 * @count_only: pages of this VMA cannot be marked: only count misplaced ones
 * @cached: look for folios in the page cache that this VMA does not map
 * @per_page: the policy of this VMA may differ from page to page
 * @varies: @per_page is false, and the target depends on the faulting CPU
 * @in_place: pages on @nid are in place for every faulting CPU
 * @nid: node of the last query, NUMA_NO_NODE if the next page needs a new one
 */
struct mof_mark {
	unsigned long lazy;
	int token;
	bool part;
	bool sample;
	bool tiering;
	struct mmu_gather tlb;
	struct mmu_notifier_range range;
	bool announced;
	unsigned long first;
	unsigned long next;
	unsigned long start;
	unsigned long end;
	unsigned long marked;
	unsigned long failed;
	bool any_failed;
	bool any_held;
	bool count_only;
	bool cached;
	bool per_page;
	bool varies;
	bool in_place;
	int nid;
};

enum mof_verdict { MOF_SKIP, MOF_FAIL, MOF_MARK };

static void mof_query_in_place(struct mof_mark *m, struct vm_area_struct *vma,
			       unsigned long addr, struct folio *folio)
{
	bool uniform = false;

	m->in_place = !(m->per_page && mof_target_varies(vma, addr, NULL)) &&
		      mof_in_place(vma, addr, folio, &uniform);
	m->nid = uniform ? folio_nid(folio) : NUMA_NO_NODE;
}

/* Is the folio where every faulting CPU would want it? Inline, as mof_judge(). */
static inline bool mof_stays(struct mof_mark *m, struct vm_area_struct *vma,
			     unsigned long addr, struct folio *folio)
{
	if (m->varies)
		return false;
	if (folio_nid(folio) != m->nid)
		mof_query_in_place(m, vma, addr, folio);
	return m->in_place;
}

/*
 * The common case: an anonymous base page that is exclusive to this mapping, so
 * neither shared nor a KSM page nor of a file. The mapping holds the only
 * reference: it is neither pinned nor isolated nor in the swap cache nor in an LRU
 * batch. The flags tested are stable under the page table lock.
 */
static bool mof_is_exclusive(struct folio *folio)
{
	const unsigned long set = BIT(PG_anon_exclusive);
	const unsigned long clear = BIT(PG_head) | BIT(PG_reserved);

	return folio_test_anon(folio) &&
	       (READ_ONCE(folio->flags) & (set | clear)) == set &&
	       folio_ref_count(folio) == 1 && !folio_is_zone_device(folio);
}

static enum mof_verdict mof_judge_any(struct mof_mark *m,
				      struct vm_area_struct *vma,
				      unsigned long addr, struct folio *folio)
{
	/* As with all of mbind(2), leaving shared pages alone is no failure. */
	if (!(m->lazy & MPOL_MF_MOVE_ALL) && folio_likely_mapped_shared(folio))
		return MOF_SKIP;
	if (folio_is_zone_device(folio) || folio_test_reserved(folio) ||
	    mof_stays(m, vma, addr, folio))
		return MOF_SKIP;
	if (m->count_only || !mof_folio_can_migrate(folio))
		return MOF_FAIL;
	if (folio_ref_count(folio) > folio_expected_ref_count(folio))
		m->any_held = true;
	return MOF_MARK;
}

/* Inline: called for each page, and most of them are exclusive ones. */
static inline enum mof_verdict
mof_judge(struct mof_mark *m, struct vm_area_struct *vma, unsigned long addr,
	  struct folio *folio)
{
	if (!m->count_only && mof_is_exclusive(folio))
		return mof_stays(m, vma, addr, folio) ? MOF_SKIP : MOF_MARK;
	return mof_judge_any(m, vma, addr, folio);
}

/*
 * The entry hints already, for a scanner or for us. Returns true if the mark was
 * not ours before. MOVE becomes MOVE_ALL if requested, never the reverse.
 */
static noinline bool mof_set_hinting_token(struct mof_mark *m, struct folio *folio)
{
	int old;

	if (m->tiering && folio_use_access_time(folio))
		return false;
	old = folio_last_cpupid(folio);
	if (mof_moves_shared(old) && m->token != mof_token(MOF_TOKEN_MOVE_ALL))
		return false;
	folio_xchg_last_cpupid(folio, m->token);
	return !mof_is_token(old) ||
	       (m->token == mof_token(MOF_TOKEN_MOVE_ALL) && !mof_moves_shared(old));
}

/* Make the mark ours. Returns true if it was not before. */
static inline bool mof_set_token(struct mof_mark *m, struct folio *folio,
				 bool hinting)
{
	if (unlikely(hinting))
		return mof_set_hinting_token(m, folio);
	if (likely(!m->tiering) || !folio_use_access_time(folio))
		folio_xchg_last_cpupid(folio, m->token);
	return true;
}

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
static void mof_hint_pmd(struct mof_mark *m, struct vm_area_struct *vma,
			 unsigned long addr, pmd_t *pmd)
{
	pmd_t old, new;

	/*
	 * The PMD is never clear in between: zapping reads it without the lock.
	 * See change_huge_pmd().
	 */
	old = pmdp_invalidate_ad(vma, addr, pmd);
	new = pmd_modify(old, PAGE_NONE);
	set_pmd_at(vma->vm_mm, addr, pmd, new);
	if (huge_pmd_needs_flush(old, new))
		tlb_flush_pmd_range(&m->tlb, addr, HPAGE_PMD_SIZE);
}

static void mof_mark_pmd(struct mof_mark *m, struct vm_area_struct *vma,
			 unsigned long addr, pmd_t *pmd)
{
	enum mof_verdict verdict = MOF_FAIL;
	struct folio *folio;
	bool hinting;

	addr &= HPAGE_PMD_MASK;
	if (pmd_present(*pmd)) {
		folio = vm_normal_folio_pmd(vma, addr, *pmd);
		if (!folio)
			return;
		verdict = mof_judge(m, vma, addr, folio);
	}
	if (verdict == MOF_FAIL ||
	    (verdict == MOF_MARK && !thp_migration_supported()))
		m->failed += HPAGE_PMD_NR;
	else if (verdict == MOF_MARK) {
		hinting = pmd_protnone(*pmd);
		tlb_change_page_size(&m->tlb, HPAGE_PMD_SIZE);
		if (!hinting)
			mof_hint_pmd(m, vma, addr, pmd);
		if (mof_set_token(m, folio, hinting))
			m->marked += HPAGE_PMD_NR;
	}
}

/* THPs at both ends are marked whole. A THP does not extend beyond its VMA. */
static void mof_round_to_thp(struct mof_mark *m, struct vm_area_struct *vma)
{
	m->start = max(m->start & HPAGE_PMD_MASK, vma->vm_start);
	m->end = min(ALIGN(m->end, HPAGE_PMD_SIZE), vma->vm_end);
}
#else
static void mof_mark_pmd(struct mof_mark *m, struct vm_area_struct *vma,
			 unsigned long addr, pmd_t *pmd)
{
}

static void mof_round_to_thp(struct mof_mark *m, struct vm_area_struct *vma)
{
}
#endif

/*
 * Does MPOL_MF_STRICT require a look at the page cache? Like mincore(2), it
 * reveals the state of the cache only to tasks that may write to the file.
 */
static bool mof_needs_cache(const struct mof_mark *m,
			    struct vm_area_struct *vma)
{
	struct file *file = vma->vm_file;

	return (m->lazy & MPOL_MF_STRICT) && file && !m->count_only &&
	       (inode_owner_or_capable(file_mnt_idmap(file), file_inode(file)) ||
		!file_permission(file, MAY_WRITE));
}

/*
 * Folios that are cached but not mapped cannot be marked. Stop at the first
 * misplaced one: MPOL_MF_STRICT needs no count.
 */
static void mof_count_cached(struct mof_mark *m, struct vm_area_struct *vma,
			     unsigned long start, unsigned long end)
{
	pgoff_t first = linear_page_index(vma, start);
	XA_STATE(xas, &vma->vm_file->f_mapping->i_pages, first);
	struct folio *folio;
	unsigned long addr;

	if (m->failed)
		return;
	rcu_read_lock();
	xas_for_each(&xas, folio, linear_page_index(vma, end - 1)) {
		if (xas_retry(&xas, folio) || xa_is_value(folio) ||
		    !folio_try_get(folio))
			continue;
		addr = start + ((max(xas.xa_index, first) - first) << PAGE_SHIFT);
		/* Shared folios do not fail, see mof_judge_any(). */
		if (folio == xas_reload(&xas) &&
		    ((m->lazy & MPOL_MF_MOVE_ALL) || !folio_mapped(folio)) &&
		    !mof_stays(m, vma, addr, folio))
			m->failed++;
		folio_put(folio);
		if (m->failed)
			break;
	}
	rcu_read_unlock();
}

static void mof_hint_pte(struct vm_area_struct *vma, unsigned long addr,
			 pte_t *pte)
{
	pte_t old = ptep_modify_prot_start(vma, addr, pte);

	ptep_modify_prot_commit(vma, addr, pte, old,
				pte_modify(old, PAGE_NONE));
}

static void mof_mark_pte(struct mof_mark *m, struct vm_area_struct *vma,
			 unsigned long addr, pte_t *pte)
{
	pte_t ptent = ptep_get(pte);
	struct folio *folio;

	if (pte_none(ptent)) {
		if (m->cached)
			mof_count_cached(m, vma, addr, addr + PAGE_SIZE);
		return;
	}
	if (!pte_present(ptent)) {
		m->failed += is_migration_entry(pte_to_swp_entry(ptent));
		return;
	}
	folio = vm_normal_folio(vma, addr, ptent);
	if (!folio)
		return;
	switch (mof_judge(m, vma, addr, folio)) {
	case MOF_SKIP:
		break;
	case MOF_FAIL:
		m->failed++;
		break;
	case MOF_MARK:
		if (!pte_protnone(ptent))
			mof_hint_pte(vma, addr, pte);
		if (mof_set_token(m, folio, pte_protnone(ptent)))
			m->marked++;
	}
}

static bool mof_mark_ptes(struct mof_mark *m, struct vm_area_struct *vma,
			  unsigned long addr, unsigned long end, pmd_t *pmd)
{
	unsigned long start = addr, marked = m->marked;
	pte_t *start_pte, *pte;
	spinlock_t *ptl;

	/* The sample was a THP, now split: one page is enough. */
	if (m->sample)
		end = addr + PAGE_SIZE;
	start_pte = pte_offset_map_lock(vma->vm_mm, pmd, addr, &ptl);
	if (!start_pte)
		return false;
	if (!m->count_only) {
		tlb_change_page_size(&m->tlb, PAGE_SIZE);
		/* Entries that reclaim has unmapped may still be in TLBs. */
		flush_tlb_batched_pending(vma->vm_mm);
	}
	/* Marked concurrently: that mark stays. */
	if (m->sample && pte_protnone(ptep_get(start_pte)))
		addr = end;
	arch_enter_lazy_mmu_mode();
	for (pte = start_pte; addr != end; pte++, addr += PAGE_SIZE)
		mof_mark_pte(m, vma, addr, pte);
	arch_leave_lazy_mmu_mode();
	/* All permissions are gone: no need for pte_needs_flush(). */
	if (m->marked != marked)
		tlb_flush_pte_range(&m->tlb, start, end - start);
	pte_unmap_unlock(start_pte, ptl);
	return true;
}

/* Returns false if the page table is gone or has changed its kind. */
static bool mof_mark_extent(struct mof_mark *m, struct vm_area_struct *vma,
			    unsigned long addr, unsigned long end, pmd_t *pmd)
{
	spinlock_t *ptl;

	ptl = pmd_trans_huge_lock(pmd, vma);
	if (!ptl)
		return mof_mark_ptes(m, vma, addr, end, pmd);
	/*
	 * If the part was a page that has become a THP, leave it: the THP was
	 * not announced. A mark that was set concurrently stays, too.
	 */
	if (!m->part || (end - addr == PMD_SIZE &&
			 !(m->sample && pmd_protnone(*pmd))))
		mof_mark_pmd(m, vma, addr, pmd);
	spin_unlock(ptl);
	return true;
}

/*
 * Called between page tables and between VMAs: end the walk if the task is being
 * killed, or with -EAGAIN if mmap_lock is contended.
 */
static int mof_pause(struct mm_struct *mm, struct mof_mark *m,
		     unsigned long next)
{
	cond_resched();
	if (fatal_signal_pending(current))
		return -EINTR;
	if (next == m->first || !mmap_lock_is_contended(mm))
		return 0;
	m->next = next;
	return -EAGAIN;
}

static void mof_announce_end(struct mof_mark *m)
{
	if (!m->announced)
		return;
	tlb_flush_mmu_tlbonly(&m->tlb);
	mmu_notifier_invalidate_range_end(&m->range);
	m->announced = false;
}

/*
 * Tell secondary MMUs which range is about to change, in pieces of at most one
 * PUD: until the invalidation ends, KVM lets no virtual CPU fault in pages of it.
 */
static void mof_announce(struct mof_mark *m, struct vm_area_struct *vma,
			 unsigned long addr)
{
	if (m->count_only || (m->announced && addr < m->range.end))
		return;
	mof_announce_end(m);
	mmu_notifier_range_init(&m->range, MMU_NOTIFY_PROTECTION_VMA, 0,
				vma->vm_mm, max(addr & PMD_MASK, m->start),
				min(ALIGN(addr + 1, PUD_SIZE), m->end));
	mmu_notifier_invalidate_range_start(&m->range);
	m->announced = true;
}

static int mof_pmd_entry(pmd_t *pmd, unsigned long addr, unsigned long end,
			 struct mm_walk *walk)
{
	mof_announce(walk->private, walk->vma, addr);
	if (!mof_mark_extent(walk->private, walk->vma, addr, end, pmd)) {
		walk->action = ACTION_AGAIN;
		return 0;
	}
	mof_point(MOF_POINT_MARKED);
	return mof_pause(walk->mm, walk->private, end);
}

static int mof_pte_hole(unsigned long addr, unsigned long end, int depth,
			struct mm_walk *walk)
{
	struct mof_mark *m = walk->private;
	unsigned long next;
	int err = 0;

	if (!walk->vma || !m->cached)
		return 0;
	mof_announce_end(m);
	for (; addr < end && !m->failed && !err; addr = next) {
		next = min(ALIGN(addr + 1, PMD_SIZE), end);
		mof_count_cached(m, walk->vma, addr, next);
		err = mof_pause(walk->mm, m, next);
	}
	return err;
}

#ifdef CONFIG_HUGETLB_PAGE
/* hugetlb pages are never marked: only count misplaced ones. */
static int mof_hugetlb_entry(pte_t *ptep, unsigned long hmask,
			     unsigned long addr, unsigned long end,
			     struct mm_walk *walk)
{
	struct mof_mark *m = walk->private;
	spinlock_t *ptl;
	pte_t pte;

	ptl = huge_pte_lock(hstate_vma(walk->vma), walk->mm, ptep);
	pte = huge_ptep_get(walk->mm, addr, ptep);
	if (pte_present(pte) &&
	    mof_judge(m, walk->vma, addr & hmask, page_folio(pte_page(pte))))
		m->failed += (end - addr) >> PAGE_SHIFT;
	spin_unlock(ptl);
	return 0;
}
#else
#define mof_hugetlb_entry NULL
#endif

/**
 * mof_vma_can_migrate() - can pages of this VMA migrate at all?
 * @vma: the VMA
 *
 * Pages of drivers and of secretmem would only fault and fail.
 *
 * Context: mmap_lock held.
 * Return: false if none of its pages is ever marked.
 */
bool mof_vma_can_migrate(struct vm_area_struct *vma)
{
	return vma_migratable(vma) && !is_vm_hugetlb_page(vma) &&
	       !(vma->vm_flags & VM_MIXEDMAP) && !vma_is_secretmem(vma);
}

/* There may be a million VMAs without a page table: pause between them, too. */
static int mof_test_walk(unsigned long start, unsigned long end,
			 struct mm_walk *walk)
{
	struct vm_area_struct *vma = walk->vma;
	struct mof_mark *m = walk->private;

	m->count_only = !mof_vma_can_migrate(vma) || !vma_is_accessible(vma);
	return mof_pause(walk->mm, m, start) ? :
	       m->count_only && !(m->lazy & MPOL_MF_STRICT);
}

static int mof_pre_vma(unsigned long start, unsigned long end,
		       struct mm_walk *walk)
{
	struct vm_area_struct *vma = walk->vma;
	struct mof_mark *m = walk->private;

	m->marked = 0;
	m->failed = 0;
	m->start = start;
	m->end = end;
	m->per_page = vma->vm_ops && vma->vm_ops->get_policy;
	m->varies = !m->per_page && mof_target_varies(vma, start, NULL);
	m->cached = mof_needs_cache(m, vma);
	m->nid = NUMA_NO_NODE;
	if (m->count_only)
		return 0;

	mof_round_to_thp(m, vma);
	tlb_gather_mmu(&m->tlb, walk->mm);
	tlb_start_vma(&m->tlb, vma);
	return 0;
}

static void mof_post_vma(struct mm_walk *walk)
{
	struct mof_mark *m = walk->private;

	if (!m->count_only) {
		mof_announce_end(m);
		tlb_end_vma(&m->tlb, walk->vma);
		tlb_finish_mmu(&m->tlb);
	}
	mof_count(walk->mm, MOF_MARKED, m->marked);
	mof_count(walk->mm, NUMA_PTE_UPDATES, m->marked);
	trace_mof_mark(m->start, m->end, m->marked, m->failed);
	m->any_failed |= m->failed;
}

static const struct mm_walk_ops mof_mark_ops = {
	.pmd_entry	= mof_pmd_entry,
	.pte_hole	= mof_pte_hole,
	.hugetlb_entry	= mof_hugetlb_entry,
	.test_walk	= mof_test_walk,
	.pre_vma	= mof_pre_vma,
	.post_vma	= mof_post_vma,
	.walk_lock	= PGWALK_RDLOCK,
};

/* Pairs with the sysctl; a concurrent change takes effect at the next walk. */
static bool mof_tiering(void)
{
	return READ_ONCE(sysctl_numa_balancing_mode) &
	       NUMA_BALANCING_MEMORY_TIERING;
}

/* Walk from @m->next to @end; -EAGAIN if there is more to do. */
static noinline int mof_mark_range(struct mm_struct *mm, unsigned long end,
				   struct mof_mark *m)
{
	m->first = m->next;
	m->tiering = mof_tiering();
	return walk_page_range(mm, m->first, end, &mof_mark_ops, m);
}

/**
 * mof_mbind() - mark the pages of a range for migration at their next touch
 * @mm: the address space, that of the caller
 * @start: start of the range, page aligned
 * @end: end of the range, page aligned
 * @lazy: return value of mof_mbind_take(): MPOL_MF_LAZY with MPOL_MF_MOVE (folios
 *	  that only @mm maps) or MPOL_MF_MOVE_ALL (shared ones, too), and
 *	  MPOL_MF_STRICT to fail if misplaced pages cannot be marked
 *
 * Called after mbind(2) has dropped mmap_lock: marking takes it for reading only,
 * and drops it whenever it is contended, so faults of other threads proceed. Memory
 * that another thread maps into the range meanwhile is marked by its own policy.
 *
 * Not marked: zero pages, KSM pages, device memory, pages pinned for DMA, dirty
 * pages of files that would have to be written out, hugetlb, pages in the page
 * cache that are not mapped, VMAs that cannot migrate or are not accessible, and,
 * where the target does not depend on the faulting CPU, pages in place.
 *
 * Folios that were just allocated, activated or freed lazily are in an LRU batch
 * of some CPU, which holds a reference: they could not migrate at their touch. This
 * CPU's batches are drained first. If the walk meets folios with more references
 * than expected nevertheless, all CPUs drain theirs, as for MPOL_MF_MOVE without
 * MPOL_MF_LAZY.
 *
 * Context: may sleep; takes mmap_lock for reading.
 * Return: 0; -EIO with MPOL_MF_STRICT if a misplaced page could not be marked, all
 * others being marked; -EINTR if the task is being killed.
 */
long mof_mbind(struct mm_struct *mm, unsigned long start, unsigned long end,
	       unsigned long lazy)
{
	struct mof_mark m = {
		.lazy = lazy,
		.token = mof_token(lazy & MPOL_MF_MOVE_ALL ?
				   MOF_TOKEN_MOVE_ALL : MOF_TOKEN_MOVE),
		.next = start,
	};
	int err = 0;

	lru_add_drain();
	mof_enable();
	mof_point(MOF_POINT_MBIND);
	while (m.next < end) {
		err = mmap_read_lock_killable(mm);
		if (err)
			break;
		err = mof_mark_range(mm, end, &m);
		mmap_read_unlock(mm);
		if (err != -EAGAIN)
			break;
		err = 0;
	}
	if (m.any_held)
		lru_add_drain_all();
	if (!err && m.any_failed && (lazy & MPOL_MF_STRICT))
		err = -EIO;
	return err;
}

/**
 * mof_mark_part() - mark a part of an extent, for the automatic mode
 * @vma: the VMA; mof_vma_can_migrate() is true, and it is accessible
 * @pmd: entry of the extent
 * @start: start of the part, page aligned
 * @end: its end
 * @token: token of the mark; with MOF_TOKEN_SAMPLE, the part is one page or a THP
 *
 * Marks the same pages as mof_mbind(). Secondary MMUs are told of this part only:
 * they would have to map everything that was merely looked at again. The caller
 * flushes TLBs if anything was marked: samples are scattered, and one flush
 * serves all of a step.
 *
 * Context: mmap_lock held for reading, tlb_flush_pending raised; may sleep.
 * Return: number of entries that were marked; a THP is one.
 */
unsigned int mof_mark_part(struct vm_area_struct *vma, pmd_t *pmd,
			   unsigned long start, unsigned long end,
			   enum mof_token token)
{
	struct mm_struct *mm = vma->vm_mm;
	struct mof_mark m = {
		.lazy = mof_arm_token(vma) == MOF_TOKEN_MOVE_ALL ?
			MPOL_MF_MOVE_ALL : MPOL_MF_MOVE,
		.token = mof_token(token),
		.part = true,
		.sample = token == MOF_TOKEN_SAMPLE,
		.tiering = mof_tiering(),
		.tlb.mm = mm,
		.varies = true,
	};

	mmu_notifier_range_init(&m.range, MMU_NOTIFY_PROTECTION_VMA, 0, mm,
				start, end);
	mmu_notifier_invalidate_range_start(&m.range);
	mof_point(MOF_POINT_PICKED);
	mof_mark_extent(&m, vma, start, end, pmd);
	mof_point(MOF_POINT_SAMPLED);
	mmu_notifier_invalidate_range_end(&m.range);

	mof_count(mm, NUMA_PTE_UPDATES, m.marked);
	if (m.sample) {
		mof_count(mm, MOF_SAMPLES, !!m.marked);
	} else {
		mof_count(mm, MOF_MARKED, m.marked);
		trace_mof_mark(start, end, m.marked, m.failed);
	}
	return m.marked && pmd_trans_huge(pmdp_get_lockless(pmd)) ? 1 : m.marked;
}
