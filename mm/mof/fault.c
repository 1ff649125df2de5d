// SPDX-License-Identifier: GPL-2.0
/*
 * Migrate-on-fault: a hinting fault on a PTE enters here. Sets up the window, the
 * marked pages from the faulting one on that are resolved with it, and chooses
 * the path. See Documentation/mm/mof.rst.
 */
#include <linux/mm.h>
#include <linux/hash.h>
#include <linux/memcontrol.h>
#include <linux/mempolicy.h>
#include <linux/percpu.h>
#include <linux/vmstat.h>

#include <trace/events/mof.h>

#include "../internal.h"
#include "mof.h"

/* Does the entry map a page on @nid that is resolved or was never marked? */
static bool mof_in_run(pte_t pte, int nid)
{
	return pte_present(pte) && !pte_protnone(pte) && !pte_special(pte) &&
	       page_to_nid(pte_page(pte)) == nid;
}

/*
 * Look at all of the nearest entries before a fault, and at one in MOF_RUN_STRIDE
 * beyond them: an object of another owner that is smaller may be missed there.
 */
#define MOF_RUN_DENSE	32
#define MOF_RUN_STRIDE	16

/* How many of the @nr entries before @end extend a run of @run entries? */
static unsigned int mof_run_in_table(pte_t *end, unsigned int nr,
				     unsigned int run, int nid)
{
	unsigned int found = 0, next;

	for (; found < nr; found = next) {
		next = found + (run + found < MOF_RUN_DENSE ? 1 : MOF_RUN_STRIDE);
		next = min(next, nr);
		if (!mof_in_run(ptep_get_lockless(end - next), nid))
			break;
	}
	return found;
}

/*
 * The run: contiguous entries just before the faulting one that map pages on
 * @nid. Stops at @limit, which is in the same PUD.
 *
 * Earlier page tables are not locked: the run is a hint. A page that such an entry
 * maps may migrate concurrently, but offlining its memory takes much longer than
 * reading its node here.
 */
static unsigned int mof_run_length(struct vm_fault *vmf, unsigned long limit,
				   int nid)
{
	unsigned long end = vmf->address, start = max(end & PMD_MASK, limit);
	unsigned int nr = (end - start) >> PAGE_SHIFT;
	unsigned int run, found;
	pmd_t *pmd = vmf->pmd;
	pte_t *table;

	found = mof_run_in_table(vmf->pte, nr, 0, nid);
	run = found;
	while (found == nr && start > limit) {
		end = start;
		start = max(end - PMD_SIZE, limit);
		nr = (end - start) >> PAGE_SHIFT;
		table = pte_offset_map(--pmd, start);
		if (!table)
			break;
		mof_point(MOF_POINT_WALK);
		found = mof_run_in_table(table + nr, nr, run, nid);
		pte_unmap(table);
		run += found;
	}
	return run;
}

/**
 * struct mof_last_run - the run that a fault leaves for the next one
 * @mm: the address space
 * @end: end of the run, where the sweep continues
 * @nid: node of its pages
 * @run: its length in pages
 *
 * Saves the next fault of a sweep on the same CPU the look back. Only a hint: the
 * pages or the address space may be gone by then.
 */
struct mof_last_run {
	struct mm_struct *mm;
	unsigned long end;
	int nid;
	unsigned int run;
};

#define MOF_LAST_RUNS_BITS	3	/* a CPU remembers 8 interleaved sweeps */

static DEFINE_PER_CPU(struct mof_last_run, mof_last_runs[1 << MOF_LAST_RUNS_BITS]);

static struct mof_last_run *mof_last_run(unsigned long end)
{
	return raw_cpu_ptr(&mof_last_runs[hash_long(end >> PMD_SHIFT,
						    MOF_LAST_RUNS_BITS)]);
}

/* End of @nr pages from the faulting one on, within page table and VMA. */
static unsigned long mof_window_end(struct vm_fault *vmf, unsigned int nr)
{
	unsigned long limit = min((vmf->address & PMD_MASK) + PMD_SIZE,
				  vmf->vma->vm_end);

	return min(limit, vmf->address + nr * PAGE_SIZE);
}

/* Set the end of the window and count the hinting entries in it. */
static void mof_window_set(struct mof_window *w, struct vm_fault *vmf)
{
	bool stays = w->target_nid == NUMA_NO_NODE;
	int nid = stays ? w->page_nid : w->target_nid;
	struct mm_struct *mm = w->vma->vm_mm;
	unsigned long addr = vmf->address, start = vmf->vma->vm_start, limit;
	struct mof_last_run *last = mof_last_run(addr);
	unsigned int most = w->max * MOF_WINDOW_SHARE;
	unsigned int run, nr, i;
	pte_t pte;

	if (last->mm == mm && last->end == addr && last->nid == nid) {
		run = min_t(unsigned long, last->run, (addr - start) >> PAGE_SHIFT);
	} else {
		/*
		 * If pages stay, entries in other page tables prove nothing:
		 * their pages may never have been marked.
		 */
		limit = max(start, addr & (stays ? PMD_MASK : PUD_MASK));
		if ((addr - limit) >> PAGE_SHIFT > most)
			limit = addr - most * PAGE_SIZE;
		run = mof_run_length(vmf, limit, nid);
	}
	w->end = mof_window_end(vmf, mof_window_pages(run, w->max));
	nr = (w->end - addr) >> PAGE_SHIFT;
	*mof_last_run(w->end) = (struct mof_last_run) {
		.mm = mm, .end = w->end, .nid = nid, .run = min(run + nr, most),
	};
	w->hinting = 1;
	for (i = 1; i < nr; i++) {
		pte = ptep_get(vmf->pte + i);
		w->hinting += pte_present(pte) && pte_protnone(pte);
	}
}

/* Count what the stock fault counts; returns TNF_* flags for the scheduler. */
static int mof_count_hint(struct vm_area_struct *vma, int page_nid)
{
	vma_set_access_pid_bit(vma);
	mof_count(vma->vm_mm, NUMA_HINT_FAULTS, 1);
	if (page_nid != numa_node_id())
		return 0;
	count_vm_numa_event(NUMA_HINT_FAULTS_LOCAL);
	return TNF_FAULT_LOCAL;
}

static void mof_count_fault(const struct mof_window *w, int nid,
			    unsigned int nr_pages, int flags)
{
	mof_note_fault(w->vma->vm_mm);
	mof_count(w->vma->vm_mm, MOF_FAULTS, 1);
	flags |= mof_count_hint(w->vma, w->page_nid) | TNF_MOF;
	task_numa_fault(-1 & LAST_CPUPID_MASK, nid, nr_pages, flags);
}

static void mof_count_moved(const struct mof_window *w)
{
	struct mm_struct *mm = w->vma->vm_mm;

	mof_count(mm, MOF_WINDOWED, w->windowed);
	mof_count(mm, NUMA_PAGE_MIGRATE, w->moved);
	if (w->moved)
		trace_mof_migrate(w->fault_addr, w->target_nid, w->moved,
				  MOF_OUT_MIGRATED);
	mof_count_fault(w, w->moved ? w->target_nid : w->page_nid,
			max(w->moved, 1U),
			w->moved ? TNF_MIGRATED : TNF_MIGRATE_FAIL);
}

/*
 * Map the pages of the window that share its target: they are in place, or the
 * target is full. Large folios are left to the stock code, which maps all of their
 * entries; pages that would stay for another reason wait for their own fault.
 */
static unsigned int mof_map_window(const struct mof_window *w, pte_t *pte)
{
	bool in_place = w->target_nid == NUMA_NO_NODE;
	unsigned long addr = w->fault_addr;
	struct folio *folio;
	unsigned int nr = 0;

	for (; addr < w->end; addr += PAGE_SIZE, pte++) {
		folio = mof_marked_folio(w->vma, addr, ptep_get(pte));
		if (!folio || folio_test_large(folio) ||
		    !mof_same_target(w, addr, folio) ||
		    (!in_place && mof_may_move(folio, folio_last_cpupid(folio)) !=
				  MOF_OUT_TRYING)) {
			if (addr == w->fault_addr)
				break;
			continue;
		}
		/* One shot: see mof_forget_token(). */
		folio_xchg_last_cpupid(folio, -1);
		mof_map(w->vma, addr, pte, addr == w->fault_addr);
		nr++;
	}
	return nr;
}

enum mof_path {
	MOF_PATH_STOCK,
	MOF_PATH_SAMPLE,
	MOF_PATH_STAY,
	MOF_PATH_DIRECT,
	MOF_PATH_GENERIC,
};

/* Set up the window and choose the path. */
static enum mof_path mof_choose(struct mof_window *w, struct vm_fault *vmf)
{
	struct folio *folio;

	if (!pte_same(ptep_get(vmf->pte), vmf->orig_pte))
		return MOF_PATH_STOCK;
	if (mof_sampled_folio(w->vma, vmf->address, vmf->orig_pte))
		return MOF_PATH_SAMPLE;
	folio = mof_marked_folio(w->vma, vmf->address, vmf->orig_pte);
	if (!folio)
		return MOF_PATH_STOCK;
	if (!w->max) {
		/* The stock engine refuses these, see mof_file_stays(). */
		if (!folio_is_file_lru(folio) || !folio_test_dirty(folio))
			return MOF_PATH_STOCK;
		w->max = 1;
	}
	w->page_nid = folio_nid(folio);
	w->target_nid = mof_target(w->vma, vmf->address, folio_order(folio),
				   w->page_nid, &w->uniform);
	w->writable = mof_all_writable(w->vma);
	mof_window_set(w, vmf);
	if (w->target_nid == NUMA_NO_NODE) {
		if (folio_test_large(folio))
			return MOF_PATH_STOCK;
		trace_mof_fault(vmf->real_address, folio, NUMA_NO_NODE,
				MOF_OUT_LOCAL);
		return MOF_PATH_STAY;
	}
	/* mlocked folios are in LRU batches of their own. */
	if (mof_direct_can(folio) && !(w->vma->vm_flags & VM_LOCKED))
		return MOF_PATH_DIRECT;
	return MOF_PATH_GENERIC;
}

/* A sample of the automatic mode: learn from it, map it and unlock. */
static void mof_sample(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct folio *folio = mof_sampled_folio(vma, vmf->address, vmf->orig_pte);
	int nid = folio_nid(folio), told_nid = nid, last_cpupid, flags;

	mof_learn(vma, vmf->address, &told_nid,
		  mof_target(vma, vmf->address, folio_order(folio), nid, NULL),
		  &last_cpupid);
	folio_xchg_last_cpupid(folio, -1);
	mof_map(vma, vmf->address, vmf->pte, true);
	/* As do_numa_page() has it. */
	flags = pte_write(ptep_get(vmf->pte)) ? 0 : TNF_NO_GROUP;
	if (folio_likely_mapped_shared(folio) && (vma->vm_flags & VM_SHARED))
		flags |= TNF_SHARED;
	pte_unmap_unlock(vmf->pte, vmf->ptl);

	/* It stands for the whole extent. */
	flags |= mof_count_hint(vma, nid);
	task_numa_fault(last_cpupid, told_nid, PTRS_PER_PTE, flags);
}

/* The faulting page is in place: map the window and unlock. */
static void mof_map_in_place(const struct mof_window *w, struct vm_fault *vmf)
{
	unsigned int nr = mof_map_window(w, vmf->pte);

	pte_unmap_unlock(vmf->pte, vmf->ptl);
	mof_count_resolved(w->vma->vm_mm, MOF_OUT_LOCAL, nr);
	mof_count_fault(w, w->page_nid, nr, 0);
}

/*
 * The target is full: map as many pages as a window can have, or each of them
 * would take a fault to find that out. Returns false if the faulting page cannot
 * be mapped here.
 */
static bool mof_map_nomem(struct mof_window *w, struct vm_fault *vmf)
{
	unsigned int nr = 0;

	vmf->pte = pte_offset_map_lock(w->vma->vm_mm, vmf->pmd, vmf->address,
				       &vmf->ptl);
	if (!vmf->pte)
		return false;
	if (pte_same(ptep_get(vmf->pte), vmf->orig_pte)) {
		w->end = mof_window_end(vmf, w->max);
		nr = mof_map_window(w, vmf->pte);
	}
	pte_unmap_unlock(vmf->pte, vmf->ptl);
	if (!nr)
		return false;
	trace_mof_migrate(w->fault_addr, w->target_nid, nr, MOF_OUT_NOMEM);
	mof_count_resolved(w->vma->vm_mm, MOF_OUT_NOMEM, nr);
	mof_count_fault(w, w->page_nid, nr, TNF_MIGRATE_FAIL);
	return true;
}

/* mof_fault(), once the static key is on. */
bool __mof_fault(struct vm_fault *vmf)
{
	struct mof_window w = {
		.vma = vmf->vma,
		.pmd = vmf->pmd,
		.fault_addr = vmf->address,
		/* Read once: it may change at any time. */
		.max = READ_ONCE(sysctl_mof_window_pages),
	};
	enum mof_path path;

	mof_point(MOF_POINT_FAULT);
	spin_lock(vmf->ptl);
	path = mof_choose(&w, vmf);
	switch (path) {
	case MOF_PATH_STOCK:
		spin_unlock(vmf->ptl);
		return false;
	case MOF_PATH_SAMPLE:
		mof_sample(vmf);
		return true;
	case MOF_PATH_STAY:
		mof_map_in_place(&w, vmf);
		return true;
	case MOF_PATH_DIRECT:
	case MOF_PATH_GENERIC:
		pte_unmap_unlock(vmf->pte, vmf->ptl);
	}
	mof_point(MOF_POINT_CHOSEN);
	if ((path == MOF_PATH_DIRECT && mof_direct(&w)) || mof_generic(&w)) {
		mof_count_moved(&w);
		return true;
	}
	mof_point(MOF_POINT_REFUSED);
	if (mof_node_is_full(w.target_nid, 1, 0) && mof_map_nomem(&w, vmf))
		return true;
	/* Let the stock path find the reason and count it. */
	vmf->pte = pte_offset_map_nolock(vmf->vma->vm_mm, vmf->pmd,
					 vmf->address, &vmf->ptl);
	return !vmf->pte;
}
