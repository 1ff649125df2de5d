// SPDX-License-Identifier: GPL-2.0
/*
 * Migrate-on-fault: a fault on a marked PTE, and those of its neighbours that
 * go the same way. Chooses the path. See Documentation/mm/mof.rst.
 */
#include <linux/mm.h>
#include <linux/hash.h>
#include <linux/memcontrol.h>
#include <linux/percpu.h>
#include <linux/mempolicy.h>
#include <linux/vmstat.h>

#include <trace/events/mof.h>

#include "../internal.h"
#include "window.h"

/**
 * mof_may_write() - is an entry mapped writable once it does not hint any more?
 * @vma: the area
 * @addr: address in it
 * @pte: present entry of that address
 *
 * As the stock fault has it, so that a write needs no second one.
 *
 * Context: page table lock held.
 * Return: true if it is.
 */
bool mof_may_write(struct vm_area_struct *vma, unsigned long addr, pte_t pte)
{
	pte = pte_modify(pte, vma->vm_page_prot);
	return pte_write(pte) || (vma_wants_manual_pte_write_upgrade(vma) &&
				  can_change_pte_writable(vma, addr, pte));
}

/**
 * mof_map_back() - give a present entry what its area permits
 * @vma: the area
 * @addr: address in it
 * @ptep: entry of that address, present
 * @touched: is it the one that was touched?
 *
 * Permissions only grow, so no TLB needs to be flushed.
 *
 * Context: page table lock held.
 */
void mof_map_back(struct vm_area_struct *vma, unsigned long addr, pte_t *ptep,
		  bool touched)
{
	bool writable = mof_may_write(vma, addr, ptep_get(ptep));
	pte_t old = ptep_modify_prot_start(vma, addr, ptep);
	pte_t pte = pte_modify(old, vma->vm_page_prot);

	if (touched)
		pte = pte_mkyoung(pte);
	if (writable)
		pte = pte_mkwrite(pte, vma);
	ptep_modify_prot_commit(vma, addr, ptep, old, pte);
	update_mmu_cache(vma, addr, ptep);
}

/* Does the entry map a page on @nid that has been resolved, or never marked? */
static bool mof_in_run(pte_t pte, int nid)
{
	return pte_present(pte) && !pte_protnone(pte) && !pte_special(pte) &&
	       page_to_nid(pte_page(pte)) == nid;
}

/*
 * The nearest entries before a fault are all looked at; beyond, one in so many:
 * an object of another owner that is smaller than that may be overlooked there.
 */
#define MOF_RUN_DENSE	32
#define MOF_RUN_STRIDE	16

/* How many of the @nr entries before @end extend a run that has @run already? */
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
 * The run: entries just before that of the fault, one beside the other, that map
 * pages on @nid. @limit is where to stop, in the same PUD.
 *
 * The page tables before that of the fault are not locked: the run is a hint.
 * A page that such an entry maps may be migrated meanwhile, but it takes much
 * longer to remove memory than to read its node here.
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
 * struct mof_last_run - the run that a fault has left for the next one
 * @mm: the address space
 * @end: where the run ends: the sweep goes on there
 * @nid: node of its pages
 * @run: its length in pages
 *
 * Spares the next fault of a sweep on the same CPU the look back. It is only a
 * hint: the pages, or the address space, may be gone by now.
 */
struct mof_last_run {
	struct mm_struct *mm;
	unsigned long end;
	int nid;
	unsigned int run;
};

#define MOF_LAST_RUNS_BITS	3	/* sweeps by turns that a CPU remembers */

static DEFINE_PER_CPU(struct mof_last_run, mof_last_runs[1 << MOF_LAST_RUNS_BITS]);

static struct mof_last_run *mof_last_run(unsigned long end)
{
	return raw_cpu_ptr(&mof_last_runs[hash_long(end >> PMD_SHIFT,
						    MOF_LAST_RUNS_BITS)]);
}

/* Where @nr pages from the fault on end: in its page table and VMA. */
static unsigned long mof_window_end(struct vm_fault *vmf, unsigned int nr)
{
	unsigned long limit = min((vmf->address & PMD_MASK) + PMD_SIZE,
				  vmf->vma->vm_end);

	return min(limit, vmf->address + nr * PAGE_SIZE);
}

/* The end of the window of this fault, and the hinting entries in it. */
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
		 * Where pages stay, entries of other page tables prove nothing:
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

/* What the stock fault counts. Returns what the scheduler is told of it. */
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
	mof_note_toucher(w->vma->vm_mm);
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
 * Map the pages of the window again that have its target: they are in place, or
 * the target is full. The mappings of large folios belong together and are left
 * to the stock code. So are pages that would stay for another reason, too.
 */
static unsigned int mof_stay(const struct mof_window *w, pte_t *pte)
{
	unsigned long addr = w->fault_addr;
	struct folio *folio;
	unsigned int nr = 0;

	for (; addr < w->end; addr += PAGE_SIZE, pte++) {
		folio = mof_marked_folio(w->vma, addr, ptep_get(pte));
		if (!folio || folio_test_large(folio) ||
		    !mof_goes_along(w, addr, folio) ||
		    (w->target_nid != NUMA_NO_NODE &&
		     mof_may_move(folio, folio_last_cpupid(folio)) != MOF_OUT_TRYING)) {
			if (addr == w->fault_addr)
				break;
			continue;
		}
		/* One shot: see mof_forget_token(). */
		folio_xchg_last_cpupid(folio, -1);
		mof_map_back(w->vma, addr, pte, addr == w->fault_addr);
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

/* Set up the window, and choose how to serve it. */
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
	w->target_nid = mof_uniform_target(w->vma, vmf->address, folio,
					   &w->uniform);
	w->writable = mof_all_writable(w->vma);
	mof_window_set(w, vmf);
	if (w->target_nid == NUMA_NO_NODE) {
		if (folio_test_large(folio))
			return MOF_PATH_STOCK;
		trace_mof_fault(vmf->real_address, folio, NUMA_NO_NODE,
				MOF_OUT_LOCAL);
		return MOF_PATH_STAY;
	}
	/* What is locked in memory takes part in batches of its own. */
	if (mof_direct_can(folio) && !(w->vma->vm_flags & VM_LOCKED))
		return MOF_PATH_DIRECT;
	return MOF_PATH_GENERIC;
}

/* What the stock fault tells the scheduler of a folio. */
static int mof_group_flags(struct vm_area_struct *vma, struct folio *folio,
			   pte_t pte)
{
	int flags = pte_write(pte) ? 0 : TNF_NO_GROUP;

	if (folio_likely_mapped_shared(folio) && (vma->vm_flags & VM_SHARED))
		flags |= TNF_SHARED;
	return flags;
}

/* A sample of the automatic mode: learn from it, map it again, and unlock. */
static void mof_sample(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	int nid, told_nid, want_nid, last_cpupid, flags;
	struct folio *folio;

	folio = mof_sampled_folio(vma, vmf->address, vmf->orig_pte);
	nid = folio_nid(folio);
	told_nid = nid;
	want_nid = mof_vma_target(vma, vmf->address, folio);
	mof_learn(vma, vmf->address, &told_nid, want_nid, &last_cpupid);
	folio_xchg_last_cpupid(folio, -1);
	mof_map_back(vma, vmf->address, vmf->pte, true);
	flags = mof_group_flags(vma, folio, ptep_get(vmf->pte));
	pte_unmap_unlock(vmf->pte, vmf->ptl);

	/* It stands for the extent. */
	flags |= mof_count_hint(vma, nid);
	task_numa_fault(last_cpupid, told_nid, PTRS_PER_PTE, flags);
}

/* The page of the fault is in place: map the window again, and unlock. */
static void mof_keep(const struct mof_window *w, struct vm_fault *vmf)
{
	unsigned int nr = mof_stay(w, vmf->pte);

	pte_unmap_unlock(vmf->pte, vmf->ptl);
	mof_count_resolved(w->vma->vm_mm, MOF_OUT_LOCAL, nr);
	mof_count_fault(w, w->page_nid, nr, 0);
}

/*
 * The target is full: map as many pages again as a window can have, so that not
 * each of them takes a fault to find that out. Returns false if the page of the
 * fault is not among them.
 */
static bool mof_full(struct mof_window *w, struct vm_fault *vmf)
{
	unsigned int nr = 0;

	vmf->pte = pte_offset_map_lock(w->vma->vm_mm, vmf->pmd, vmf->address,
				       &vmf->ptl);
	if (!vmf->pte)
		return false;
	if (pte_same(ptep_get(vmf->pte), vmf->orig_pte)) {
		w->end = mof_window_end(vmf, w->max);
		nr = mof_stay(w, vmf->pte);
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
		/* Once, as it may change at any time. */
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
		mof_keep(&w, vmf);
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
	if (mof_node_is_full(w.target_nid, 1, 0) && mof_full(&w, vmf))
		return true;
	/* Let the stock path find out why, and count it. */
	vmf->pte = pte_offset_map_nolock(vmf->vma->vm_mm, vmf->pmd,
					 vmf->address, &vmf->ptl);
	return !vmf->pte;
}
