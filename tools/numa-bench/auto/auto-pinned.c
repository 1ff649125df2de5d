// SPDX-License-Identifier: GPL-2.0
/* Workloads of one process whose threads stay on CPUs chosen here. */
#include "auto.h"

static unsigned int first_then_second(const struct plan *plan,
				      unsigned int thread, unsigned int epoch)
{
	(void)plan;
	(void)thread;
	return epoch ? 1 : 0;
}

const struct auto_workload handover = {
	.name = "handover",
	.does =
		"a thread fills the memory and uses it for a --period, then moves to another node and keeps using it; time counts from there",
	.expect = "all memory follows once: 100% local, and nothing more to do",
	.threads = THREADS_FIRST_NODE, .procs = 1, .spread_fill = true,
	.settles_first = true, .node_of = first_then_second,
};

const struct auto_workload split = {
	.name = "split",
	.does =
		"the main thread fills all, then threads on all nodes each use a part of it",
	.expect = "each part moves to its thread once; the main thread's part stays",
	.procs = 1,
};

static void every_nth(const struct plan *plan, struct share *share,
		      unsigned int idx)
{
	share->first = idx;
	share->step = plan->nr_threads;
	share->nr = (plan->area.nr_pages - idx + share->step - 1) / share->step;
}

const struct auto_workload interleave = {
	.name = "interleave",
	.does =
		"the main thread fills all; base pages belong to threads on all nodes in turn",
	.expect =
		"with 4k pages each page moves to its thread, once; with THPs no node is right",
	.procs = 1, .layout = every_nth,
};

static void all_pages(const struct plan *plan, struct share *share,
		      unsigned int idx)
{
	share->proc = idx;
	share->nr = plan->area.nr_pages;
}

static unsigned int one_share(const struct plan *plan)
{
	(void)plan;
	return 1;
}

static unsigned int first_share(const struct plan *plan, unsigned int thread,
				unsigned int epoch)
{
	(void)plan;
	(void)thread;
	(void)epoch;
	return 0;
}

const struct auto_workload shared = {
	.name = "shared",
	.does = "threads on all nodes read and write all memory",
	.expect = "no node is right: migrations come to an end",
	.procs = 1, .no_owner = true, .layout = all_pages, .shares = one_share,
	.share_of = first_share,
};

static unsigned int rotate(const struct plan *plan, unsigned int thread,
			   unsigned int epoch)
{
	return (thread + epoch) % plan->nr_threads;
}

const struct auto_workload phase = {
	.name = "phase",
	.does =
		"each thread fills a part and uses it; after each --period all take over the part of their neighbour on another node",
	.expect =
		"memory follows each swap while that pays, and stays if swaps come too often",
	.procs = 1, .spread_fill = true, .periodic = true, .share_of = rotate,
};

const struct auto_workload steady = {
	.name = "steady",
	.does = "threads on all nodes each fill a part and keep using it",
	.expect = "nothing to do: no migrations, and hardly any faults",
	.procs = 1, .spread_fill = true,
};
