// SPDX-License-Identifier: GPL-2.0
/*
 * Migrate-on-fault: what the automatic mode keeps of an address space: the
 * history of its extents. See Documentation/mm/mof.rst.
 */
#include <linux/mm.h>
#include <linux/error-injection.h>
#include <linux/mof_balance.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include <trace/events/mof.h>

#include "mof.h"
#include "sample.h"

#define MOF_SWEEP	2	/* old extents looked at, for each new one */

/**
 * mof_extent_get() - what is known about an extent
 * @s: of this address space
 * @addr: an address in the extent
 * @old: set to what mof_extent_put() needs; NULL if nothing is known
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
 * mof_extent_put() - keep the history of an extent
 * @s: of this address space
 * @addr: an address in the extent
 * @e: the history
 * @old: what mof_extent_get() had
 * @gfp: how to allocate, if nothing was kept before; for a hint, nobody is to be
 *	 killed
 *
 * Context: as @gfp needs.
 * Return: false if somebody else has changed the history since, or there is no
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

/* Have this extent looked at again soon. */
static void mof_suspect(struct mof_mm *s, unsigned long addr)
{
	unsigned long next = jiffies + READ_ONCE(s->soon);
	unsigned int nr = READ_ONCE(s->nr_suspects);

	/* Partner: mof_visit_suspects(). */
	WRITE_ONCE(s->suspect[nr % MOF_SUSPECTS], addr);
	WRITE_ONCE(s->nr_suspects, nr + 1);
	/* Partner: __mof_work(). */
	if (time_after(READ_ONCE(s->next), next))
		WRITE_ONCE(s->next, next);
}

/**
 * mof_hear() - take a sample into account
 * @s: of this address space
 * @e: history of the extent
 * @addr: address of the page
 * @want_nid: where its toucher wants it
 * @page_nid: where it is
 *
 * Context: any.
 */
void mof_hear(struct mof_mm *s, struct mof_extent *e, unsigned long addr,
	      int want_nid, int page_nid)
{
	unsigned int now = ktime_get_seconds();
	bool misplaced = mof_extent_learn(e, want_nid, page_nid, now);
	bool suspect = mof_extent_is_suspect(e, now);

	trace_mof_sample(addr, page_nid, want_nid, e->streak, e->score,
			 e->moves);
	/* Partner: __mof_work(). A lost count is a lost sample. */
	WRITE_ONCE(s->heard, READ_ONCE(s->heard) + 1);
	if (misplaced && suspect)
		WRITE_ONCE(s->misplaced, READ_ONCE(s->misplaced) + 1);
	if (suspect)
		mof_suspect(s, addr);
}

/**
 * mof_note_toucher() - the current thread takes a fault on a mark
 * @mm: in this address space
 *
 * Ticks do not show threads of other classes than the fair one, nor those on
 * CPUs without ticks: their faults do. Others' faults, as by ptrace(2), do not
 * count.
 *
 * Context: any that may take a fault.
 */
void mof_note_toucher(struct mm_struct *mm)
{
	/* Partner: mof_mm_get(). */
	struct mof_mm *s = READ_ONCE(mm->mof_mm);

	if (s && current->mm == mm)
		mof_note_node(s, numa_node_id());
}

/**
 * mof_learn() - a sample has been touched
 * @vma: in this area
 * @addr: at this address
 * @page_nid: on this node; set to the one that the scheduler is to be told of:
 *	      where the page will be, if the extent is going to be moved there
 * @want_nid: and the toucher wants it there; NUMA_NO_NODE if it is in place
 * @last_cpupid: set to that of who touched the extent before
 *
 * Nothing is learnt where nobody samples: the page came there by mremap().
 *
 * Context: page table lock held. Allocates nothing.
 * Return: true if the extent is to be armed.
 */
bool mof_learn(struct vm_area_struct *vma, unsigned long addr, int *page_nid,
	       int want_nid, int *last_cpupid)
{
	/* Partner: mof_mm_get(). */
	struct mof_mm *s = READ_ONCE(vma->vm_mm->mof_mm);
	struct mof_extent e;
	void *old;

	*last_cpupid = -1 & LAST_CPUPID_MASK;
	if (!s || !mof_automatic())
		return false;
	mof_note_toucher(vma->vm_mm);
	if (want_nid == NUMA_NO_NODE)
		want_nid = *page_nid;
	e = mof_extent_get(s, addr, &old);
	if (!old)
		return false;
	mof_point(MOF_POINT_LEARNING);
	*last_cpupid = e.cpupid;
	mof_hear(s, &e, addr, want_nid, *page_nid);
	if (e.moves < MOF_EAGER_MOVES)
		*page_nid = want_nid;
	e.cpupid = cpu_pid_to_cpupid(raw_smp_processor_id(), current->pid);
	/* Partner: __mof_work(), as above. */
	WRITE_ONCE(s->placed, READ_ONCE(s->placed) + 1);
	return mof_extent_put(s, addr, &e, old, GFP_NOWAIT) && e.armed;
}

/**
 * mof_sample_armed() - a THP is migrated by the very fault that armed it
 * @vma: in this area
 * @addr: its address
 *
 * Context: page table lock held.
 * Return: false if it is not to migrate now, as somebody else has changed its
 * history.
 */
bool mof_sample_armed(struct vm_area_struct *vma, unsigned long addr)
{
	struct mof_mm *s = READ_ONCE(vma->vm_mm->mof_mm);
	struct mof_extent e;
	void *old;

	e = mof_extent_get(s, addr, &old);
	if (!e.armed)
		return false;	/* a step was faster */
	mof_extent_armed(&e, ktime_get_seconds());
	if (!mof_extent_put(s, addr, &e, old, GFP_NOWAIT))
		return false;
	trace_mof_arm(addr, e.moves);
	mof_count(vma->vm_mm, MOF_ARMED, 1);
	/* Partner: __mof_work(), for both. */
	WRITE_ONCE(s->watch, jiffies + MOF_WATCH_S * HZ);
	WRITE_ONCE(s->thp_armed, true);
	return true;
}

/**
 * mof_sweep() - forget extents of memory that is gone
 * @s: of this address space
 * @mm: the address space
 * @added: how many the step has added
 *
 * Looks at twice as many, so at most half of what is kept is not mapped any more.
 *
 * Context: mmap_lock held.
 */
void mof_sweep(struct mof_mm *s, struct mm_struct *mm, unsigned int added)
{
	unsigned int nr = MOF_SWEEP * (added + 1);
	unsigned long index = s->sweep, addr;
	struct vm_area_struct *vma;
	void *entry;

	xa_for_each_start(&s->extents, index, entry, s->sweep) {
		if (!nr--)
			break;
		addr = index << PMD_SHIFT;
		vma = find_vma(mm, addr);
		if (!vma || vma->vm_start >= addr + PMD_SIZE)
			xa_erase(&s->extents, index);
	}
	s->sweep = entry ? index : 0;
}

/**
 * mof_mm_get() - what is kept for an address space; from the first call on
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
	s->watch = jiffies;
	s->event = true;
	/* Partner: READ_ONCE(mm->mof_mm). Orders the lines above before it. */
	old = cmpxchg(&mm->mof_mm, NULL, s);
	if (!old)
		return s;
	kfree(s);
	return old;
}
ALLOW_ERROR_INJECTION(mof_mm_get, NULL);

/* mof_mm_exit(), if there is something. */
void __mof_mm_exit(struct mm_struct *mm)
{
	xa_destroy(&mm->mof_mm->extents);
	kfree(mm->mof_mm);
	mm->mof_mm = NULL;
}
