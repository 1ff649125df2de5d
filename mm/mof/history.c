// SPDX-License-Identifier: GPL-2.0
/*
 * Migrate-on-fault: the state of the automatic mode for an address space, and in
 * it the history of its extents. See Documentation/mm/mof.rst.
 */
#include <linux/mm.h>
#include <linux/error-injection.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include <trace/events/mof.h>

#include "mof.h"
#include "sample.h"

#define MOF_PRUNE	2	/* old extents checked for each new one */

/**
 * mof_extent_get() - read the history of an extent
 * @s: state of the address space
 * @addr: an address in the extent
 * @old: set to the argument for mof_extent_put(); NULL if there is no history
 *
 * Context: any.
 * Return: the history.
 */
struct mof_extent mof_extent_get(struct mof_mm *s, unsigned long addr,
				 void **old)
{
	*old = xa_load(&s->extents, addr >> PMD_SHIFT);
	return mof_extent_unpack(*old ? xa_to_value(*old) : 0);
}

/**
 * mof_extent_put() - write the history of an extent
 * @s: state of the address space
 * @addr: an address in the extent
 * @e: the history
 * @old: what mof_extent_get() has set
 * @gfp: for the allocation, if there was no history
 *
 * Context: as @gfp requires.
 * Return: false if the history has changed since mof_extent_get(), or there is no
 * memory for it.
 */
bool mof_extent_put(struct mof_mm *s, unsigned long addr,
		    const struct mof_extent *e, void *old, gfp_t gfp)
{
	void *entry = xa_mk_value(mof_extent_pack(e));

	return xa_cmpxchg(&s->extents, addr >> PMD_SHIFT, old, entry,
			  gfp | __GFP_NOWARN) == old;
}
ALLOW_ERROR_INJECTION(mof_extent_put, NULL);

/* Sample this extent again soon. */
static void mof_add_candidate(struct mof_mm *s, unsigned long addr)
{
	unsigned long next = jiffies + READ_ONCE(s->min_period);
	unsigned int nr = READ_ONCE(s->nr_candidates);

	/* Pairs with mof_visit_candidates(). */
	WRITE_ONCE(s->candidate[nr % MOF_CANDIDATES], addr);
	WRITE_ONCE(s->nr_candidates, nr + 1);
	/* Pairs with __mof_work(). */
	if (time_after(READ_ONCE(s->next), next))
		WRITE_ONCE(s->next, next);
}

/**
 * mof_record() - record a sample in the history of its extent
 * @s: state of the address space
 * @e: history of the extent
 * @addr: address of the page
 * @want_nid: node where the faulting task wants it
 * @page_nid: node that it is on
 *
 * Context: any.
 */
void mof_record(struct mof_mm *s, struct mof_extent *e, unsigned long addr,
		int want_nid, int page_nid)
{
	unsigned int now = ktime_get_seconds();
	bool misplaced = mof_extent_learn(e, want_nid, page_nid, now);
	bool candidate = mof_extent_is_candidate(e, now);

	trace_mof_sample(addr, page_nid, want_nid, e->streak, e->score,
			 e->moves);
	/* Pairs with mof_wants_full_pass(). A lost update loses a sample. */
	WRITE_ONCE(s->recorded, READ_ONCE(s->recorded) + 1);
	if (misplaced && candidate)
		WRITE_ONCE(s->misplaced, READ_ONCE(s->misplaced) + 1);
	if (candidate)
		mof_add_candidate(s, addr);
}

/**
 * mof_note_fault() - the current thread takes a fault on a mark or a sample
 * @mm: in this address space
 *
 * Ticks see neither threads outside the fair class nor those on CPUs without
 * ticks; their faults tell where they run. Faults on behalf of other processes,
 * as by ptrace(2), do not count.
 *
 * Context: any that may take a fault.
 */
void mof_note_fault(struct mm_struct *mm)
{
	/* Pairs with mof_mm_get(). */
	struct mof_mm *s = READ_ONCE(mm->mof_mm);

	if (s && current->mm == mm)
		mof_note_node(s, numa_node_id());
}

/**
 * mof_learn() - learn from a sample that was touched
 * @vma: the VMA
 * @addr: address of the page
 * @page_nid: node of the page; set to the node to report to the scheduler: where
 *	      the page will be if its extent is going to be moved
 * @want_nid: node where the faulting task wants it; NUMA_NO_NODE if it is in place
 * @last_cpupid: set to the last_cpupid of the previous sample of the extent
 *
 * Learns nothing where there is no history: mremap() has brought the page there.
 *
 * Context: page table lock held. Allocates nothing.
 * Return: true if the extent is to be armed.
 */
bool mof_learn(struct vm_area_struct *vma, unsigned long addr, int *page_nid,
	       int want_nid, int *last_cpupid)
{
	/* Pairs with mof_mm_get(). */
	struct mof_mm *s = READ_ONCE(vma->vm_mm->mof_mm);
	struct mof_extent e;
	void *old;

	*last_cpupid = -1 & LAST_CPUPID_MASK;
	if (!s || !mof_automatic())
		return false;
	mof_note_fault(vma->vm_mm);
	if (want_nid == NUMA_NO_NODE)
		want_nid = *page_nid;
	e = mof_extent_get(s, addr, &old);
	if (!old)
		return false;
	mof_point(MOF_POINT_LEARNING);
	*last_cpupid = e.cpupid;
	mof_record(s, &e, addr, want_nid, *page_nid);
	if (e.moves < MOF_EAGER_MOVES)
		*page_nid = want_nid;
	e.cpupid = cpu_pid_to_cpupid(raw_smp_processor_id(), current->pid);
	/* Pairs with mof_place_tasks(). */
	WRITE_ONCE(s->placed, READ_ONCE(s->placed) + 1);
	return mof_extent_put(s, addr, &e, old, GFP_NOWAIT) && e.armed;
}

/**
 * mof_sample_armed() - a sample on a THP has armed its extent: migrate it now
 * @vma: the VMA
 * @addr: address of the THP
 *
 * Context: page table lock held.
 * Return: false if the history was changed concurrently: it does not migrate now.
 */
bool mof_sample_armed(struct vm_area_struct *vma, unsigned long addr)
{
	struct mof_mm *s = READ_ONCE(vma->vm_mm->mof_mm);
	struct mof_extent e;
	void *old;

	e = mof_extent_get(s, addr, &old);
	if (!e.armed)
		return false;	/* a step has armed it concurrently */
	mof_extent_armed(&e, ktime_get_seconds());
	if (!mof_extent_put(s, addr, &e, old, GFP_NOWAIT))
		return false;
	trace_mof_arm(addr, e.moves);
	mof_count(vma->vm_mm, MOF_ARMED, 1);
	/* Pairs with mof_make_step(), both. */
	WRITE_ONCE(s->follow_up, jiffies + MOF_FOLLOW_UP_S * HZ);
	WRITE_ONCE(s->thp_armed, true);
	return true;
}

/**
 * mof_prune() - drop the history of extents that are not mapped any more
 * @s: state of the address space
 * @mm: the address space
 * @added: number of extents that the step has added
 *
 * Checks twice as many, so at most half of the histories are stale.
 *
 * Context: mmap_lock held.
 */
void mof_prune(struct mof_mm *s, struct mm_struct *mm, unsigned int added)
{
	unsigned int nr = MOF_PRUNE * (added + 1);
	unsigned long index = s->prune, addr;
	struct vm_area_struct *vma;
	void *entry;

	xa_for_each_start(&s->extents, index, entry, s->prune) {
		if (!nr--)
			break;
		addr = index << PMD_SHIFT;
		vma = find_vma(mm, addr);
		if (!vma || vma->vm_start >= addr + PMD_SIZE)
			xa_erase(&s->extents, index);
	}
	s->prune = entry ? index : 0;
}

/**
 * mof_mm_get() - get the state of an address space, allocated on first use
 * @mm: the address space, that of the current task
 *
 * Context: may sleep.
 * Return: the state, NULL if there is no memory for it.
 */
struct mof_mm *mof_mm_get(struct mm_struct *mm)
{
	struct mof_mm *s = READ_ONCE(mm->mof_mm), *old;

	if (s)
		return s;
	s = kzalloc(sizeof(*s), MOF_GFP | __GFP_ACCOUNT | __GFP_NOWARN);
	if (!s)
		return NULL;
	xa_init_flags(&s->extents, XA_FLAGS_ACCOUNT);
	s->next = jiffies;
	s->rotate = jiffies;
	s->follow_up = jiffies;
	s->rescan = true;
	/* Pairs with READ_ONCE(mm->mof_mm); orders the initialisation before. */
	old = cmpxchg(&mm->mof_mm, NULL, s);
	if (!old)
		return s;
	kfree(s);
	return old;
}
ALLOW_ERROR_INJECTION(mof_mm_get, NULL);

/* mof_mm_exit(), if there is any state. */
void __mof_mm_exit(struct mm_struct *mm)
{
	xa_destroy(&mm->mof_mm->extents);
	kfree(mm->mof_mm);
	mm->mof_mm = NULL;
}
