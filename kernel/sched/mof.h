/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The hooks of migrate-on-fault in the scheduler: the automatic mode,
 * kernel.numa_balancing=4. See Documentation/mm/mof.rst.
 */
#ifndef _KERNEL_SCHED_MOF_H
#define _KERNEL_SCHED_MOF_H

#include <linux/mof.h>
#include <linux/sched.h>

#ifdef CONFIG_MIGRATE_ON_FAULT

void __mof_tick(struct task_struct *p);
void __mof_node_changed(struct task_struct *p, int nid);
void __mof_new_thread(struct mm_struct *mm);
void __mof_work(struct mm_struct *mm);

/**
 * mof_tick() - the tick of a task that uses an address space of its own
 * @p: the task, not exiting, without NUMA work pending; the current one, or that
 *     of a CPU without ticks
 *
 * Context: hard interrupt, run queue locked.
 * Return: true if the automatic mode is on, and no scanner is to be run.
 */
static inline bool mof_tick(struct task_struct *p)
{
	if (!mof_automatic())
		return false;
	__mof_tick(p);
	return true;
}

/**
 * mof_node_changed() - a task is being moved to another CPU
 * @p: the task; it is not running
 * @src_nid: node of its CPU
 * @dst_nid: node of the other one
 *
 * Context: @p->pi_lock or its run queue locked.
 * Return: true if the automatic mode is on, and there is no scan period.
 */
static inline bool mof_node_changed(struct task_struct *p, int src_nid,
				    int dst_nid)
{
	if (!mof_automatic())
		return false;
	if (src_nid != dst_nid)
		__mof_node_changed(p, dst_nid);
	return true;
}

/**
 * mof_new_thread() - a task is being made that shares an address space
 * @p: the task; the address space is that of the current one
 * @clone_flags: CLONE_* flags it is made with
 *
 * A child of vfork(2) does nothing of its own, and a worker of io_uring works for
 * who is there already.
 *
 * Context: any.
 */
static inline void mof_new_thread(struct task_struct *p,
				  unsigned long clone_flags)
{
	if (mof_automatic() && !(clone_flags & CLONE_VFORK) &&
	    !(p->flags & PF_USER_WORKER))
		__mof_new_thread(p->mm);
}

/**
 * mof_work() - the task work that mof_tick() has asked for
 * @mm: address space of the current task
 *
 * Context: return to user space; may sleep.
 * Return: true if the automatic mode is on, and no scanner is to be run.
 */
static inline bool mof_work(struct mm_struct *mm)
{
	if (!mof_automatic())
		return false;
	__mof_work(mm);
	return true;
}

#else

static inline bool mof_tick(struct task_struct *p)
{
	return false;
}

static inline bool mof_node_changed(struct task_struct *p, int src_nid,
				    int dst_nid)
{
	return false;
}

static inline void mof_new_thread(struct task_struct *p,
				  unsigned long clone_flags)
{
}

static inline bool mof_work(struct mm_struct *mm)
{
	return false;
}

#endif /* CONFIG_MIGRATE_ON_FAULT */

#endif /* _KERNEL_SCHED_MOF_H */
