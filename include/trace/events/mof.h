/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM mof

#if !defined(_TRACE_MOF_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_MOF_H

#include <linux/mm.h>
#include <linux/mof_events.h>
#include <linux/topology.h>
#include <linux/tracepoint.h>

struct mof_step;

#define MOF_TRACE_ENUM(item, name)	TRACE_DEFINE_ENUM(MOF_OUT_##item);
#define MOF_TRACE_TEXT(item, name)	{ MOF_OUT_##item, #name },

TRACE_DEFINE_ENUM(MOF_OUT_MIGRATED);
TRACE_DEFINE_ENUM(MOF_OUT_LOCAL);
TRACE_DEFINE_ENUM(MOF_OUT_TRYING);
FOR_EACH_MOF_FAILURE(MOF_TRACE_ENUM)

#define show_mof_outcome(outcome)			\
	__print_symbolic(outcome,			\
		FOR_EACH_MOF_FAILURE(MOF_TRACE_TEXT)	\
		{ MOF_OUT_MIGRATED, "migrated" },	\
		{ MOF_OUT_LOCAL, "local" },		\
		{ MOF_OUT_TRYING, "trying" })

/* A range of one VMA was marked. */
TRACE_EVENT(mof_mark,

	TP_PROTO(unsigned long start, unsigned long end, unsigned long marked,
		 unsigned long failed),

	TP_ARGS(start, end, marked, failed),

	TP_STRUCT__entry(
		__field(unsigned long, start)
		__field(unsigned long, end)
		__field(unsigned long, marked)
		__field(unsigned long, failed)
	),

	TP_fast_assign(
		__entry->start = start;
		__entry->end = end;
		__entry->marked = marked;
		__entry->failed = failed;
	),

	TP_printk("start=%lx end=%lx marked=%lu failed=%lu",
		  __entry->start, __entry->end, __entry->marked,
		  __entry->failed)
);

/* A marked page was touched; what was decided. */
TRACE_EVENT(mof_fault,

	TP_PROTO(unsigned long address, struct folio *folio, int target_nid,
		 enum mof_outcome outcome),

	TP_ARGS(address, folio, target_nid, outcome),

	TP_STRUCT__entry(
		__field(unsigned long, address)
		__field(unsigned long, pfn)
		__field(unsigned int, order)
		__field(int, page_nid)
		__field(int, touch_nid)
		__field(int, target_nid)
		__field(int, outcome)
	),

	TP_fast_assign(
		__entry->address = address;
		__entry->pfn = folio_pfn(folio);
		__entry->order = folio_order(folio);
		__entry->page_nid = folio_nid(folio);
		__entry->touch_nid = numa_node_id();
		__entry->target_nid = target_nid;
		__entry->outcome = outcome;
	),

	TP_printk("address=%lx pfn=0x%lx order=%u page_nid=%d touch_nid=%d target_nid=%d outcome=%s",
		  __entry->address, __entry->pfn, __entry->order,
		  __entry->page_nid, __entry->touch_nid, __entry->target_nid,
		  show_mof_outcome(__entry->outcome))
);

/* A migration has ended; mof_fault has announced it, if the direct path did not. */
TRACE_EVENT(mof_migrate,

	TP_PROTO(unsigned long address, int target_nid, int nr_pages,
		 enum mof_outcome outcome),

	TP_ARGS(address, target_nid, nr_pages, outcome),

	TP_STRUCT__entry(
		__field(unsigned long, address)
		__field(int, target_nid)
		__field(int, nr_pages)
		__field(int, outcome)
	),

	TP_fast_assign(
		__entry->address = address;
		__entry->target_nid = target_nid;
		__entry->nr_pages = nr_pages;
		__entry->outcome = outcome;
	),

	TP_printk("address=%lx target_nid=%d nr_pages=%d outcome=%s",
		  __entry->address, __entry->target_nid, __entry->nr_pages,
		  show_mof_outcome(__entry->outcome))
);

/* A sample of the automatic mode was touched, or need not be: all threads are on one node. */
TRACE_EVENT(mof_sample,

	TP_PROTO(unsigned long address, int page_nid, int want_nid,
		 unsigned int streak, unsigned int score, unsigned int moves),

	TP_ARGS(address, page_nid, want_nid, streak, score, moves),

	TP_STRUCT__entry(
		__field(unsigned long, address)
		__field(int, page_nid)
		__field(int, want_nid)
		__field(unsigned int, streak)
		__field(unsigned int, score)
		__field(unsigned int, moves)
	),

	TP_fast_assign(
		__entry->address = address;
		__entry->page_nid = page_nid;
		__entry->want_nid = want_nid;
		__entry->streak = streak;
		__entry->score = score;
		__entry->moves = moves;
	),

	TP_printk("address=%lx page_nid=%d want_nid=%d streak=%u score=%u moves=%u",
		  __entry->address, __entry->page_nid, __entry->want_nid,
		  __entry->streak, __entry->score, __entry->moves)
);

/* The automatic mode marks the pages of an extent for migration. */
TRACE_EVENT(mof_arm,

	TP_PROTO(unsigned long address, unsigned int moves),

	TP_ARGS(address, moves),

	TP_STRUCT__entry(
		__field(unsigned long, address)
		__field(unsigned int, moves)
	),

	TP_fast_assign(
		__entry->address = address;
		__entry->moves = moves;
	),

	TP_printk("address=%lx moves=%u", __entry->address, __entry->moves)
);

TRACE_DEFINE_ENUM(MOF_SCAN_SPARSE);
TRACE_DEFINE_ENUM(MOF_SCAN_FOLLOW_UP);
TRACE_DEFINE_ENUM(MOF_SCAN_FULL);

/* A step of the automatic mode, and how long it took its thread. */
TRACE_EVENT(mof_step,

	TP_PROTO(const struct mof_step *step, u64 ns),

	TP_ARGS(step, ns),

	TP_STRUCT__entry(
		__field(int, scan)
		__field(int, only_nid)
		__field(unsigned int, samples)
		__field(unsigned int, armed)
		__field(bool, wrapped)
		__field(u64, ns)
	),

	TP_fast_assign(
		__entry->scan = step->scan;
		__entry->only_nid = step->only_nid;
		__entry->samples = step->samples;
		__entry->armed = step->armed;
		__entry->wrapped = step->wrapped;
		__entry->ns = ns;
	),

	TP_printk("scan=%s only_nid=%d samples=%u armed=%u wrapped=%d ns=%llu",
		  __print_symbolic(__entry->scan,
				   { MOF_SCAN_SPARSE, "sparse" },
				   { MOF_SCAN_FOLLOW_UP, "follow-up" },
				   { MOF_SCAN_FULL, "full" }),
		  __entry->only_nid, __entry->samples, __entry->armed,
		  __entry->wrapped, __entry->ns)
);

#endif /* _TRACE_MOF_H */

/* This part must be outside protection */
#include <trace/define_trace.h>
