// SPDX-License-Identifier: GPL-2.0
/*
 * Migrate-on-fault: MPOL_MF_LAZY, what mbind(2) does after it has installed the
 * policy. See Documentation/mm/mof.rst.
 */
#include <linux/mempolicy.h>
#include <linux/mmap_lock.h>
#include <linux/swap.h>

#include "mof.h"

/* Mark the range, dropping mmap_lock whenever it is contended. */
static int mof_mark_all(struct mm_struct *mm, unsigned long start,
			unsigned long end, unsigned long lazy,
			struct mof_mark_result *result)
{
	int err;

	for (; start < end; start = result->next) {
		if (mmap_read_lock_killable(mm))
			return -EINTR;
		err = mof_mark_range(mm, start, end, lazy, result);
		mmap_read_unlock(mm);
		if (err != -EAGAIN)
			return err;
	}
	return 0;
}

/**
 * mof_mbind() - mark the pages of a range for migration at their next touch
 * @mm: the address space, that of the caller
 * @start: start of the range, page aligned
 * @end: end of the range, page aligned
 * @lazy: what mof_mbind_take() returned
 *
 * Called after mbind(2) has let go of mmap_lock: marking needs it for reading
 * only, and faults of other threads go on meanwhile. What another thread maps
 * into the range between the two is marked by the policy it then has.
 *
 * Folios that a CPU has just allocated, activated or freed lazily are still in an
 * LRU batch of that CPU, which holds a reference: they could not migrate at their
 * touch. This CPU's batches are drained first. If the walk has met folios with
 * more references than expected all the same, all CPUs have to drain theirs, as
 * they have for MPOL_MF_MOVE without MPOL_MF_LAZY.
 *
 * Context: may sleep; takes mmap_lock for reading.
 * Return: 0; -EIO with MPOL_MF_STRICT if some misplaced page could not be
 * marked, all others being marked all the same; -EINTR if the task is being
 * killed.
 */
long mof_mbind(struct mm_struct *mm, unsigned long start, unsigned long end,
	       unsigned long lazy)
{
	struct mof_mark_result result = {};
	int err;

	lru_add_drain();
	mof_enable();
	mof_point(MOF_POINT_MBIND);
	err = mof_mark_all(mm, start, end, lazy, &result);
	if (result.held)
		lru_add_drain_all();

	if (!err && result.failed && (lazy & MPOL_MF_STRICT))
		err = -EIO;
	return err;
}
