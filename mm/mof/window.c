// SPDX-License-Identifier: GPL-2.0
/*
 * Migrate-on-fault: a fault that moves its page by the direct path, and those
 * of its neighbours that go the same way. See Documentation/mm/mof.rst.
 */
#include <linux/mm.h>
#include <linux/memcontrol.h>
#include <linux/mempolicy.h>
#include <linux/migrate.h>
#include <linux/mmu_notifier.h>
#include <linux/swap.h>
#include <linux/vmstat.h>

#include <asm/tlbflush.h>

#include <trace/events/mof.h>

#include "../internal.h"
#include "mof.h"

/* Entries just before the fault that are mapped, up to @max. */
static unsigned int mof_run_before(struct vm_fault *vmf, unsigned int max)
{
	unsigned int in_table = (vmf->address & ~PMD_MASK) >> PAGE_SHIFT;
	unsigned int in_vma = (vmf->address - vmf->vma->vm_start) >> PAGE_SHIFT;
	unsigned int run;
	pte_t pte;

	max = min3(max, in_table, in_vma);
	for (run = 0; run < max; run++) {
		pte = ptep_get(vmf->pte - run - 1);
		if (!pte_present(pte) || pte_protnone(pte))
			break;
	}
	return run;
}

/* The end of the window of this fault, and the hinting entries in it. */
static unsigned long mof_window_end(struct vm_fault *vmf, unsigned int *hinting)
{
	unsigned int max = READ_ONCE(sysctl_mof_window_pages), nr, i;
	unsigned long limit;
	pte_t pte;

	limit = min((vmf->address & PMD_MASK) + PMD_SIZE, vmf->vma->vm_end);
	nr = mof_window_pages(mof_run_before(vmf, max), max);
	nr = min_t(unsigned long, nr, (limit - vmf->address) >> PAGE_SHIFT);
	*hinting = 1;
	for (i = 1; i < nr; i++) {
		pte = ptep_get(vmf->pte + i);
		*hinting += pte_present(pte) && pte_protnone(pte);
	}
	return vmf->address + nr * PAGE_SIZE;
}

/*
 * The folio of a marked entry, if the direct path may have it and it goes to
 * the target of the run.
 */
static struct folio *mof_candidate(struct mof_run *m, unsigned long addr,
				   pte_t pte)
{
	struct folio *folio;
	struct page *page;

	if (!pte_present(pte) || !pte_protnone(pte))
		return NULL;
	page = vm_normal_page(m->vma, addr, pte);
	if (!page || is_zone_device_page(page))
		return NULL;
	folio = page_folio(page);
	if (!mof_direct_can(folio, page) || folio_use_access_time(folio) ||
	    !mof_is_token(folio_last_cpupid(folio)))
		return NULL;
	if (m->uniform && folio_nid(folio) == m->page_nid)
		return folio;
	if (mof_vma_target(m->vma, addr, folio) != m->target_nid)
		return NULL;
	return folio;
}

/* Take what goes along; nothing if the page of the fault does not. */
static void mof_gather(struct mof_run *m, pte_t *ptep)
{
	unsigned long addr = m->start;
	struct folio *folio;

	for (; addr < m->end && m->nr < m->nr_dst; addr += PAGE_SIZE, ptep++) {
		folio = mof_candidate(m, addr, ptep_get(ptep));
		if (folio && mof_direct_take(folio)) {
			m->src[m->nr++] = folio;
			if (addr == m->fault_addr)
				trace_mof_fault(addr, folio, m->target_nid,
						MOF_OUT_TRYING);
		} else if (addr == m->fault_addr) {
			break;
		}
	}
	m->next = addr;
}

/* Move up to @nr pages from @m->start on; how many were migrated. */
static unsigned int mof_run_once(struct mof_run *m, unsigned int nr)
{
	struct mm_struct *mm = m->vma->vm_mm;
	struct mmu_notifier_range range;
	spinlock_t *ptl;
	pte_t *pte;

	m->nr = 0;
	if (!mof_direct_alloc(m, nr))
		return 0;
	mmu_notifier_range_init(&range, MMU_NOTIFY_CLEAR, 0, mm, m->start,
				m->end);
	mmu_notifier_invalidate_range_start(&range);
	pte = pte_offset_map_lock(mm, m->pmd, m->start, &ptl);
	if (pte) {
		mof_gather(m, pte);
		mof_direct_unmap(m, pte);
		pte_unmap_unlock(pte, ptl);
	}
	/*
	 * A hinting entry is in no TLB, so nothing has to be flushed; but who
	 * marks on another CPU may not have flushed yet. It has raised this
	 * before it took the page table lock.
	 */
	if (m->nr && mm_tlb_flush_pending(mm))
		flush_tlb_range(m->vma, m->start, m->end);
	mmu_notifier_invalidate_range_end(&range);
	return mof_direct_finish(m);
}

/*
 * Is this fault one for the direct path? If so, set up the run, and tell how
 * many hinting entries there are in its window.
 */
static unsigned int mof_run_start(struct mof_run *m, struct vm_fault *vmf)
{
	unsigned int hinting;
	struct folio *folio;
	struct page *page;

	if (!pte_same(ptep_get(vmf->pte), vmf->orig_pte))
		return 0;
	page = vm_normal_page(m->vma, vmf->address, vmf->orig_pte);
	if (!page)
		return 0;
	folio = page_folio(page);
	m->page_nid = folio_nid(folio);
	m->target_nid = mof_uniform_target(m->vma, vmf->address, folio,
					   &m->uniform);
	if (m->target_nid == NUMA_NO_NODE ||
	    !mof_candidate(m, vmf->address, vmf->orig_pte))
		return 0;
	m->fault_addr = vmf->address;
	m->start = vmf->address;
	m->end = mof_window_end(vmf, &hinting);
	return hinting;
}

/* What the stock fault counts, and what it tells the scheduler. */
static void mof_count_moved(struct mof_run *m, struct vm_fault *vmf,
			    unsigned int moved)
{
	struct mm_struct *mm = m->vma->vm_mm;
	int flags = TNF_MIGRATED | TNF_MOF;

	vma_set_access_pid_bit(m->vma);
	mof_count(mm, NUMA_HINT_FAULTS, 1);
	if (m->page_nid == numa_node_id()) {
		count_vm_numa_event(NUMA_HINT_FAULTS_LOCAL);
		flags |= TNF_FAULT_LOCAL;
	}
	mof_count(mm, NUMA_PAGE_MIGRATE, moved);
	count_vm_events(PGMIGRATE_SUCCESS, moved);
	mof_count(mm, MOF_FAULTS, 1);
	mof_count(mm, MOF_WINDOWED, moved - 1);
	trace_mof_migrate(vmf->real_address, m->target_nid, moved,
			  MOF_OUT_MIGRATED);
	task_numa_fault(-1 & LAST_CPUPID_MASK, m->target_nid, moved, flags);
}

/* mof_fault(), once the static key is on. */
bool __mof_fault(struct vm_fault *vmf)
{
	struct mof_run m = { .vma = vmf->vma, .pmd = vmf->pmd };
	unsigned int nr, got, moved = 0;

	/* What is locked in memory takes part in batches of its own. */
	if (!READ_ONCE(sysctl_mof_window_pages) ||
	    (vmf->vma->vm_flags & VM_LOCKED))
		return false;
	spin_lock(vmf->ptl);
	nr = mof_run_start(&m, vmf);
	if (!nr) {
		spin_unlock(vmf->ptl);
		return false;
	}
	pte_unmap_unlock(vmf->pte, vmf->ptl);

	do {
		got = mof_run_once(&m, min(nr, MOF_RUN_MAX));
		moved += got;
		nr -= min(nr, MOF_RUN_MAX);
		m.start = m.next;
	} while (got && nr && m.start < m.end);

	if (moved) {
		mof_count_moved(&m, vmf, moved);
		return true;
	}
	/* Let the stock path find out why, and count it. */
	vmf->pte = pte_offset_map_nolock(vmf->vma->vm_mm, vmf->pmd,
					 vmf->address, &vmf->ptl);
	return !vmf->pte;
}
