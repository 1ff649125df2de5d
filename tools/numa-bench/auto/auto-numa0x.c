// SPDX-License-Identifier: GPL-2.0
/* The shapes of the old autonuma-benchmark: the scheduler places threads. */
#include "auto.h"

static void whole_process(const struct plan *plan, struct share *share,
			  unsigned int idx)
{
	share->proc = idx;
	share->nr = plan->area.nr_pages;
}

static unsigned int shares_of_processes(const struct plan *plan)
{
	return plan->nr_procs;
}

static unsigned int share_of_process(const struct plan *plan,
				     unsigned int thread, unsigned int epoch)
{
	(void)epoch;
	return plan_proc_of(plan, thread);
}

const struct auto_workload numa01 = {
	.name = "numa01",
	.does =
		"two processes; all threads of a process use all of its memory, anywhere",
	.expect = "each process comes together on a node, with its memory",
	.threads = THREADS_ALL_CPUS, .procs = 2, .unpinned = true,
	.layout = whole_process, .shares = shares_of_processes,
	.share_of = share_of_process,
};

const struct auto_workload numa02 = {
	.name = "numa02",
	.does =
		"one process; the main thread fills all, then each thread uses a part, anywhere",
	.expect =
		"threads spread over the nodes, and each part is where its thread is",
	.threads = THREADS_ALL_CPUS, .procs = 1, .unpinned = true,
};
