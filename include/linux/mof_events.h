/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters of migrate-on-fault and reasons for not migrating: one list for
 * /proc/vmstat, memory.stat, the tracepoints and the code.
 * See Documentation/mm/mof.rst.
 */
#ifndef _LINUX_MOF_EVENTS_H
#define _LINUX_MOF_EVENTS_H

#ifdef CONFIG_MIGRATE_ON_FAULT

/*
 * Reasons why a marked page does not migrate at its touch. Each has a counter,
 * MOF_FAILED_<reason> in enum vm_event_item and mof_failed_<reason> in
 * /proc/vmstat; keep the order of both.
 *
 * nomem:  the target node has no free memory (or no free huge page)
 * shared: marked with MPOL_MF_MOVE, but several processes map it now
 * pinned: pinned for DMA now
 * busy:   the folio has other references, is isolated or cannot be read
 * raced:  the mapping changed while the page was migrating
 */
#define FOR_EACH_MOF_FAILURE(xx)	\
	xx(NOMEM, nomem)		\
	xx(SHARED, shared)		\
	xx(PINNED, pinned)		\
	xx(BUSY, busy)			\
	xx(RACED, raced)

/* Outcome of the touch of a marked page */
#define MOF_OUTCOME_ITEM(item, name)	MOF_OUT_##item,
enum mof_outcome {
	MOF_OUT_MIGRATED,
	MOF_OUT_LOCAL,		/* in place */
	MOF_OUT_TRYING,		/* migration in progress */
	FOR_EACH_MOF_FAILURE(MOF_OUTCOME_ITEM)
	MOF_NR_OUTCOMES
};

#define FOR_EACH_MOF_EVENT(xx)		\
	xx(MARKED, marked)		\
	xx(FAULTS, faults)		\
	xx(RESOLVED, resolved)		\
	xx(MIGRATED, migrated)		\
	xx(MIGRATED_THP, migrated_thp)	\
	xx(WINDOWED, windowed)		\
	xx(LOCAL, local)		\
	xx(RETRIED, retried)		\
	xx(SAMPLES, samples)		\
	xx(ARMED, armed)

#define MOF_EVENT_ITEM(item, name)	MOF_##item,
#define MOF_FAILURE_ITEM(item, name)	MOF_FAILED_##item,
#define MOF_EVENT_TEXT(item, name)	"mof_" #name,
#define MOF_FAILURE_TEXT(item, name)	"mof_failed_" #name,

#define MOF_VM_EVENT_ITEMS		\
	FOR_EACH_MOF_EVENT(MOF_EVENT_ITEM) FOR_EACH_MOF_FAILURE(MOF_FAILURE_ITEM)
#define MOF_VM_EVENT_TEXTS		\
	FOR_EACH_MOF_EVENT(MOF_EVENT_TEXT) FOR_EACH_MOF_FAILURE(MOF_FAILURE_TEXT)

#else

#define MOF_VM_EVENT_ITEMS
#define MOF_VM_EVENT_TEXTS

#endif /* CONFIG_MIGRATE_ON_FAULT */

#endif /* _LINUX_MOF_EVENTS_H */
