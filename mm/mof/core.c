// SPDX-License-Identifier: GPL-2.0
/*
 * Migrate-on-fault: the static key and the counters.
 * See Documentation/mm/mof.rst.
 */
#include <linux/math.h>
#include <linux/memcontrol.h>
#include <linux/sched/sysctl.h>
#include <linux/sizes.h>
#include <linux/sysctl.h>
#include <linux/vmstat.h>

#include "mof.h"
#include "sample.h"

#define CREATE_TRACE_POINTS
#include <trace/events/mof.h>

DEFINE_STATIC_KEY_FALSE(mof_key);

/* The limit is in bytes, since copying dominates the latency of a fault. */
#define MOF_WINDOW_BYTES	(48 * SZ_4K)

/* Limit of pages that one fault resolves; 0 leaves all to the stock code. */
unsigned int sysctl_mof_window_pages __read_mostly =
	DIV_ROUND_UP(MOF_WINDOW_BYTES, PAGE_SIZE);

/* The tokens need five CPU numbers below "unset". */
static_assert(LAST__CPU_MASK > MOF_TOKEN_SAMPLE);

/**
 * mof_enable() - enable the hooks, for good
 *
 * Marks outlive the call that made them, and the scheduler must never see a token:
 * once enabled, the hooks stay enabled.
 *
 * Context: may sleep; mmap_lock must not be held (takes cpu_hotplug_lock).
 */
void mof_enable(void)
{
	/*
	 * Not static_key_enabled(): that is already true while another task is
	 * still patching the code. static_branch_enable() waits for that.
	 */
	if (atomic_read_acquire(&mof_key.key.enabled) <= 0)
		static_branch_enable(&mof_key);
}

/**
 * mof_count() - count an event, system-wide and for the memory cgroup of @mm
 * @mm: address space of the event
 * @item: the event
 * @nr: number, in the unit of @item
 *
 * Context: any; takes the RCU read lock.
 */
void mof_count(struct mm_struct *mm, enum vm_event_item item, unsigned long nr)
{
	if (!nr)
		return;
	count_vm_events(item, nr);
	count_memcg_events_mm(mm, item, nr);
}

static enum vm_event_item mof_outcome_event(enum mof_outcome outcome)
{
	switch (outcome) {
	case MOF_OUT_MIGRATED:
		return MOF_MIGRATED;
	case MOF_OUT_LOCAL:
		return MOF_LOCAL;
	default:
		return MOF_FAILED_NOMEM + (outcome - MOF_OUT_NOMEM);
	}
}

/**
 * mof_count_resolved() - count the outcome of marked pages
 * @mm: address space of the pages
 * @outcome: the outcome; not MOF_OUT_TRYING
 * @nr_pages: number of base pages
 *
 * The only function that counts outcomes, so that resolved = migrated + local +
 * failed at all times.
 *
 * Context: any; takes the RCU read lock.
 */
void mof_count_resolved(struct mm_struct *mm, enum mof_outcome outcome,
			unsigned long nr_pages)
{
	VM_WARN_ON_ONCE(outcome == MOF_OUT_TRYING);
	mof_count(mm, MOF_RESOLVED, nr_pages);
	mof_count(mm, mof_outcome_event(outcome), nr_pages);
}

static const unsigned int mof_window_max = MOF_WINDOW_MAX;

static struct ctl_table mof_sysctls[] = {
	{
		.procname	= "mof_window_pages",
		.data		= &sysctl_mof_window_pages,
		.maxlen		= sizeof(sysctl_mof_window_pages),
		.mode		= 0644,
		.proc_handler	= proc_douintvec_minmax,
		.extra1		= SYSCTL_ZERO,
		.extra2		= (void *)&mof_window_max,
	},
};

static bool mof_boot_automatic __initdata;

/**
 * mof_setup_balancing() - parse numa_balancing= on the kernel command line
 * @str: its value
 *
 * Context: boot.
 * Return: true if it requests the automatic mode.
 */
bool __init mof_setup_balancing(const char *str)
{
	mof_boot_automatic = !strcmp(str, "lazy");
	return mof_boot_automatic;
}

static int __init mof_init(void)
{
	register_sysctl_init("vm", mof_sysctls);
	/* Until now, "lazy" was treated as "enable". */
	if (mof_boot_automatic)
		WRITE_ONCE(sysctl_numa_balancing_mode, NUMA_BALANCING_LAZY);
	return 0;
}
late_initcall(mof_init);
