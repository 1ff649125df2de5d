// SPDX-License-Identifier: GPL-2.0
/*
 * Migrate-on-fault: turns the present entries of a range into hinting ones.
 * See Documentation/mm/mof.rst.
 *
 * Guarantees: an entry is changed only under its page table lock and only if
 * the folio that it maps at that moment qualifies. An mmu notifier range spans at
 * most one PUD and is open only while that is walked; TLBs are flushed before it
 * ends. A THP is marked as one unit, also if the
 * range covers only a part of it, and never split. Nothing waits for a folio
 * lock or for I/O.
 */
#include <linux/mm.h>
#include <linux/bits.h>
#include <linux/fs.h>
#include <linux/huge_mm.h>
#include <linux/hugetlb.h>
#include <linux/ksm.h>
#include <linux/mempolicy.h>
#include <linux/mmap_lock.h>
#include <linux/pagemap.h>
#include <linux/pagewalk.h>
#include <linux/sched/signal.h>
#include <linux/secretmem.h>
#include <linux/swapops.h>

#include <trace/events/mof.h>

#include "../internal.h"
#include "walk.h"

enum mof_verdict { MOF_SKIP, MOF_FAIL, MOF_MARK };

/* Ask for one folio, and find out whether the answer holds for its node. */
static void mof_ask_in_place(struct mof_mark *m, struct vm_area_struct *vma,
			     unsigned long addr, struct folio *folio)
{
	bool uniform = false;

	m->in_place = !(m->per_page && mof_follows(vma, addr)) &&
		      mof_policy_in_place(vma, addr, folio, &uniform);
	m->nid = uniform ? folio_nid(folio) : NUMA_NO_NODE;
}

/* Is the folio where every toucher would want it? */
static bool mof_in_place(struct mof_mark *m, struct vm_area_struct *vma,
			 unsigned long addr, struct folio *folio)
{
	if (m->follows)
		return false;
	if (folio_nid(folio) != m->nid)
		mof_ask_in_place(m, vma, addr, folio);
	return m->in_place;
}

/*
 * A base page of anonymous memory that only this mapping uses, as most are: it
 * is neither shared nor a KSM page nor of a file. The mapping's reference is its
 * only one: it is neither pinned nor isolated nor in the swap cache nor in an LRU
 * batch. The bits asked for are stable under the page table lock.
 */
static bool mof_is_plain(struct folio *folio)
{
	const unsigned long set = BIT(PG_anon_exclusive);
	const unsigned long clear = BIT(PG_head) | BIT(PG_reserved);

	return folio_test_anon(folio) &&
	       (READ_ONCE(folio->flags) & (set | clear)) == set &&
	       folio_ref_count(folio) == 1 && !folio_is_zone_device(folio);
}

/**
 * mof_migrates_dirty() - can a dirty folio of a file migrate as it is?
 * @folio: a folio of a file that is mapped
 *
 * Where the file system has no way to migrate a folio, it would have to be
 * written out first. The mapping stays for as long as an entry maps the folio.
 *
 * Context: page table lock of a mapping held.
 * Return: true if it can.
 */
bool mof_migrates_dirty(struct folio *folio)
{
	struct address_space *mapping = folio_mapping(folio);

	return mapping && mapping->a_ops->migrate_folio;
}

/**
 * mof_folio_can_migrate() - could a touch migrate this folio, as it is now?
 * @folio: a folio that is mapped
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

static enum mof_verdict mof_judge_any(struct mof_mark *m,
				      struct vm_area_struct *vma,
				      unsigned long addr, struct folio *folio)
{
	/* As with all of mbind(2), leaving shared pages alone is no failure. */
	if (!(m->lazy & MPOL_MF_MOVE_ALL) && folio_likely_mapped_shared(folio))
		return MOF_SKIP;
	if (folio_is_zone_device(folio) || folio_test_reserved(folio) ||
	    mof_in_place(m, vma, addr, folio))
		return MOF_SKIP;
	if (m->count_only || !mof_folio_can_migrate(folio))
		return MOF_FAIL;
	if (folio_ref_count(folio) > folio_expected_ref_count(folio))
		m->done.held++;
	return MOF_MARK;
}

/* Inline: asked for each page, and nearly always answered right here. */
static inline enum mof_verdict
mof_judge(struct mof_mark *m, struct vm_area_struct *vma, unsigned long addr,
	  struct folio *folio)
{
	if (!m->count_only && mof_is_plain(folio))
		return mof_in_place(m, vma, addr, folio) ? MOF_SKIP : MOF_MARK;
	return mof_judge_any(m, vma, addr, folio);
}

/*
 * The entry hints already, for a scanner, or for us. Returns true if the mark was
 * not ours before: one with fewer rights is taken over, one with more keeps them.
 */
static noinline bool mof_claim_hinting(struct mof_mark *m, struct folio *folio)
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

/* Make the mark ours. Returns true if it was not so before. */
static inline bool mof_claim(struct mof_mark *m, struct folio *folio,
			     bool hinting)
{
	if (unlikely(hinting))
		return mof_claim_hinting(m, folio);
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
	 * Never clear the PMD in between: zapping looks at it without the lock.
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
		m->done.failed += HPAGE_PMD_NR;
	else if (verdict == MOF_MARK) {
		hinting = pmd_protnone(*pmd);
		tlb_change_page_size(&m->tlb, HPAGE_PMD_SIZE);
		if (!hinting)
			mof_hint_pmd(m, vma, addr, pmd);
		if (mof_claim(m, folio, hinting))
			m->done.marked += HPAGE_PMD_NR;
	}
}

/* The THPs at both ends are marked whole. A THP does not leave its VMA. */
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
 * Does MPOL_MF_STRICT require a look at the page cache? As with mincore(2), it
 * tells only those about the cache who could write to the file.
 */
static bool mof_looks_at_cache(const struct mof_mark *m,
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

	if (m->done.failed)
		return;
	rcu_read_lock();
	xas_for_each(&xas, folio, linear_page_index(vma, end - 1)) {
		if (xas_retry(&xas, folio) || xa_is_value(folio) ||
		    !folio_try_get(folio))
			continue;
		addr = start + ((max(xas.xa_index, first) - first) << PAGE_SHIFT);
		/* Shared folios are no failure, see mof_judge_any(). */
		if (folio == xas_reload(&xas) &&
		    ((m->lazy & MPOL_MF_MOVE_ALL) || !folio_mapped(folio)) &&
		    !mof_in_place(m, vma, addr, folio))
			m->done.failed++;
		folio_put(folio);
		if (m->done.failed)
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
		m->done.failed += is_migration_entry(pte_to_swp_entry(ptent));
		return;
	}
	folio = vm_normal_folio(vma, addr, ptent);
	if (!folio)
		return;
	switch (mof_judge(m, vma, addr, folio)) {
	case MOF_SKIP:
		break;
	case MOF_FAIL:
		m->done.failed++;
		break;
	case MOF_MARK:
		if (!pte_protnone(ptent))
			mof_hint_pte(vma, addr, pte);
		if (mof_claim(m, folio, pte_protnone(ptent)))
			m->done.marked++;
	}
}

static bool mof_mark_ptes(struct mof_mark *m, struct vm_area_struct *vma,
			  unsigned long addr, unsigned long end, pmd_t *pmd)
{
	unsigned long start = addr, marked = m->done.marked;
	pte_t *start_pte, *pte;
	spinlock_t *ptl;

	/* A THP was picked, and split: one page is enough. */
	if (m->samples)
		end = addr + PAGE_SIZE;
	start_pte = pte_offset_map_lock(vma->vm_mm, pmd, addr, &ptl);
	if (!start_pte)
		return false;
	if (!m->count_only) {
		tlb_change_page_size(&m->tlb, PAGE_SIZE);
		/* What reclaim has unmapped may still be in TLBs. */
		flush_tlb_batched_pending(vma->vm_mm);
	}
	/* Somebody has marked it meanwhile: that stays. */
	if (m->samples && pte_protnone(ptep_get(start_pte)))
		addr = end;
	arch_enter_lazy_mmu_mode();
	for (pte = start_pte; addr != end; pte++, addr += PAGE_SIZE)
		mof_mark_pte(m, vma, addr, pte);
	arch_leave_lazy_mmu_mode();
	/* All access is gone: no need to ask pte_needs_flush(). */
	if (m->done.marked != marked)
		tlb_flush_pte_range(&m->tlb, start, end - start);
	pte_unmap_unlock(start_pte, ptl);
	return true;
}

/**
 * mof_mark_extent() - mark entries of an extent
 * @m: the walk
 * @vma: the area
 * @addr: start of the part of the extent
 * @end: its end
 * @pmd: entry of the extent
 *
 * Context: mmap_lock held, tlb_flush_pending raised, secondary MMUs told; takes
 * the page table lock.
 * Return: false if the page table has gone, or has changed its kind.
 */
bool mof_mark_extent(struct mof_mark *m, struct vm_area_struct *vma,
		     unsigned long addr, unsigned long end, pmd_t *pmd)
{
	spinlock_t *ptl;

	ptl = pmd_trans_huge_lock(pmd, vma);
	if (!ptl)
		return mof_mark_ptes(m, vma, addr, end, pmd);
	/*
	 * A page was picked, and a THP came: leave it, it was not announced. And
	 * what somebody has marked meanwhile stays.
	 */
	if (!m->picker || (end - addr == PMD_SIZE &&
			   !(m->samples && pmd_protnone(*pmd))))
		mof_mark_pmd(m, vma, addr, pmd);
	spin_unlock(ptl);
	return true;
}

/*
 * Between page tables and areas: is there a reason to end? Who waits for
 * mmap_lock must not have to wait for all of a large range.
 */
static int mof_pause(struct mm_struct *mm, struct mof_mark *m,
		     unsigned long next)
{
	cond_resched();
	if (fatal_signal_pending(current))
		return -EINTR;
	if (next == m->first || !mmap_lock_is_contended(mm))
		return 0;
	m->result->next = next;
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
 * Tell secondary MMUs what is about to change, in pieces of one PUD at most:
 * meanwhile, KVM lets no virtual CPU fault in anything of it.
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
	for (; addr < end && !m->done.failed && !err; addr = next) {
		next = min(ALIGN(addr + 1, PMD_SIZE), end);
		mof_count_cached(m, walk->vma, addr, next);
		err = mof_pause(walk->mm, m, next);
	}
	return err;
}

#ifdef CONFIG_HUGETLB_PAGE
/* Huge pages of hugetlbfs are never marked: only look for misplaced ones. */
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
		m->done.failed += (end - addr) >> PAGE_SHIFT;
	spin_unlock(ptl);
	return 0;
}
#else
#define mof_hugetlb_entry NULL
#endif

/**
 * mof_vma_can_migrate() - is there anything in this area that could migrate?
 * @vma: the area
 *
 * Drivers' pages and secret ones would only fault and fail.
 *
 * Context: mmap_lock held.
 * Return: false if nothing of it is ever marked.
 */
bool mof_vma_can_migrate(struct vm_area_struct *vma)
{
	return vma_migratable(vma) && !is_vm_hugetlb_page(vma) &&
	       !(vma->vm_flags & VM_MIXEDMAP) && !vma_is_secretmem(vma);
}

/**
 * mof_mark_test_vma() - is a walk to look at this area?
 * @m: the walk; count_only is set
 * @vma: the area
 *
 * Context: mmap_lock held.
 * Return: 0 if it is, 1 if not: for &struct mm_walk_ops.
 */
int mof_mark_test_vma(struct mof_mark *m, struct vm_area_struct *vma)
{
	m->count_only = !mof_vma_can_migrate(vma) || !vma_is_accessible(vma);
	return m->count_only && !(m->lazy & MPOL_MF_STRICT);
}

/* There may be a million areas without a page table. */
static int mof_test_walk(unsigned long start, unsigned long end,
			 struct mm_walk *walk)
{
	return mof_pause(walk->mm, walk->private, start) ? :
	       mof_mark_test_vma(walk->private, walk->vma);
}

/**
 * mof_mark_pre_vma() - begin with an area
 * @m: the walk
 * @vma: the area
 * @start: start of the range in it
 * @end: its end
 *
 * Context: mmap_lock held.
 */
void mof_mark_pre_vma(struct mof_mark *m, struct vm_area_struct *vma,
		      unsigned long start, unsigned long end)
{
	m->done = (struct mof_mark_result){};
	m->start = start;
	m->end = end;
	m->per_page = vma->vm_ops && vma->vm_ops->get_policy;
	m->follows = !m->per_page && mof_follows(vma, start);
	m->cached = mof_looks_at_cache(m, vma);
	m->nid = NUMA_NO_NODE;
}

static int mof_pre_vma(unsigned long start, unsigned long end,
		       struct mm_walk *walk)
{
	struct vm_area_struct *vma = walk->vma;
	struct mof_mark *m = walk->private;

	mof_mark_pre_vma(m, vma, start, end);
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
	mof_count(walk->mm, MOF_MARKED, m->done.marked);
	mof_count(walk->mm, NUMA_PTE_UPDATES, m->done.marked);
	trace_mof_mark(m->start, m->end, m->done.marked, m->done.failed);
	m->result->marked += m->done.marked;
	m->result->failed += m->done.failed;
	m->result->held += m->done.held;
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

/**
 * mof_mark_range() - mark the pages of a range for migration on fault
 * @mm: the address space
 * @start: start of the range, page aligned
 * @end: end of the range, page aligned
 * @lazy: MPOL_MF_LAZY with MPOL_MF_MOVE (pages that only @mm maps) or
 *	  MPOL_MF_MOVE_ALL (shared ones, too), and MPOL_MF_STRICT if pages that
 *	  cannot be marked are to be looked for in all VMAs
 * @result: what was done is added here, also on error
 *
 * Not marked: zero pages, KSM pages, device memory, pages pinned for DMA, dirty
 * pages of files that would have to be written out, hugetlb, pages that are
 * cached but not mapped, VMAs that cannot migrate or that may not be
 * accessed, and, where the target does not depend on the toucher, pages that
 * are in place.
 *
 * Context: mmap_lock of @mm held for reading or writing; may sleep.
 * Return: 0; -EAGAIN if somebody waits for mmap_lock: let go of it, and go on at
 * @result->next, which is beyond @start; -EINTR if the task is being killed.
 */
int mof_mark_range(struct mm_struct *mm, unsigned long start, unsigned long end,
		   unsigned long lazy, struct mof_mark_result *result)
{
	struct mof_mark m = {
		.lazy = lazy,
		.token = mof_token(lazy & MPOL_MF_MOVE_ALL ?
				   MOF_TOKEN_MOVE_ALL : MOF_TOKEN_MOVE),
		.tiering = mof_tiering(),
		.result = result,
		.first = start,
	};

	return walk_page_range(mm, start, end, &mof_mark_ops, &m);
}
