// SPDX-License-Identifier: GPL-2.0
/* The plan of a run: threads, their CPUs, and the memory that they use. */
#include <numa.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "auto.h"

static unsigned int count_threads(const struct plan *plan)
{
	unsigned int per_node = plan->opts->threads;

	if (plan->workload->threads == THREADS_FIRST_NODE)
		return per_node ? per_node : 1;
	if (plan->workload->threads == THREADS_ALL_CPUS && !per_node)
		return numa_bitmask_weight(numa_all_cpus_ptr);
	return (per_node ? per_node : 1) * plan->nr_nodes;
}

/* Each process has the same number of threads. */
static void count(struct plan *plan)
{
	unsigned int procs = plan->workload->procs;
	unsigned int threads = count_threads(plan);

	if (threads > AUTO_MAX_THREADS)
		threads = AUTO_MAX_THREADS;
	if (!procs)
		procs = threads;
	threads = threads / procs * procs;
	plan->nr_procs = procs;
	plan->nr_threads = threads ? threads : procs;
}

unsigned int plan_proc_of(const struct plan *plan, unsigned int thread)
{
	return thread / (plan->nr_threads / plan->nr_procs);
}

/* Consecutive threads are on different nodes. -1 if not pinned */
int plan_cpu_of(const struct plan *plan, unsigned int thread,
		unsigned int epoch)
{
	const struct auto_workload *workload = plan->workload;
	unsigned int node = thread % plan->nr_nodes, nth;

	if (workload->unpinned)
		return -1;
	nth = thread / plan->nr_nodes;
	if (workload->node_of) {
		node = workload->node_of(plan, thread, epoch);
		nth = thread;
	}
	return topo_nth_cpu(plan->nodes[node], nth);
}

unsigned int plan_share_of(const struct plan *plan, unsigned int thread,
			   unsigned int epoch)
{
	return plan->workload->share_of ?
		plan->workload->share_of(plan, thread, epoch) : thread;
}

static int make_shares(struct plan *plan)
{
	const struct auto_workload *workload = plan->workload;
	unsigned int per_proc = plan->nr_threads / plan->nr_procs;

	plan->nr_shares = workload->shares ? workload->shares(plan) :
			  plan->nr_threads;
	plan->shares = calloc(plan->nr_shares + 1, sizeof(*plan->shares));
	if (!plan->shares)
		return -1;
	for (unsigned int i = 0; i < plan->nr_shares; i++) {
		struct share *share = &plan->shares[i];

		share->step = 1;
		if (workload->layout) {
			workload->layout(plan, share, i);
			continue;
		}
		share->proc = plan_proc_of(plan, i);
		share->first = area_part_begin(&plan->area, i % per_proc,
					       per_proc);
		share->nr = area_part_begin(&plan->area, i % per_proc + 1,
					    per_proc) - share->first;
	}
	return 0;
}

/* Bound memory is skipped by the balancer in any mode. */
static int make_board(struct plan *plan)
{
	size_t bytes = sizeof(*plan->board) +
		       plan->nr_threads * sizeof(plan->board->slot[0]);
	void *board = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (board == MAP_FAILED)
		return -1;
	topo_bind_memory(board, bytes, plan->nodes[0], 0);
	plan->board = board;
	plan->board_bytes = bytes;
	return sem_init(&plan->board->go, 1, 0) ||
	       sem_init(&plan->board->leave, 1, 0) ? -1 : 0;
}

static size_t proc_bytes(const struct plan *plan, enum page_kind kind)
{
	size_t unit = page_kind_bytes(kind);
	size_t bytes = plan->opts->bytes / plan->nr_procs;

	if (plan->workload->bytes)
		bytes = plan->workload->bytes(plan->opts);
	bytes -= bytes % unit;
	return bytes ? bytes : unit;
}

int plan_make(struct plan *plan, const struct auto_workload *workload,
	      const struct auto_opts *opts, enum page_kind kind)
{
	memset(plan, 0, sizeof(*plan));
	plan->workload = workload;
	plan->opts = opts;
	for (int node = 0; node <= topo_max_node(); node++)
		if (topo_has_memory(node) && topo_first_cpu(node) >= 0)
			plan->nodes[plan->nr_nodes++] = node;
	if (!plan->nr_nodes)
		return -1;
	count(plan);
	plan->pids = calloc(plan->nr_procs, sizeof(*plan->pids));
	if (plan->pids && !area_map(&plan->area, kind, proc_bytes(plan, kind)) &&
	    !make_shares(plan) && !make_board(plan))
		return 0;
	plan_free(plan);
	return -1;
}

void plan_free(struct plan *plan)
{
	area_unmap(&plan->area);
	if (plan->board)
		munmap(plan->board, plan->board_bytes);
	free(plan->shares);
	free(plan->pids);
	memset(plan, 0, sizeof(*plan));
}

const char *plan_missing(const struct plan *plan)
{
	size_t units = plan->area.bytes / plan->area.unit_bytes;
	size_t need = plan->area.bytes * plan->nr_procs;
	const char *no_memory;

	if (plan->nr_nodes < 2)
		return "two nodes with memory and CPUs are needed";
	need += need / 16 + (8UL << 20);
	for (unsigned int i = 0; i < plan->nr_nodes; i++)
		if (topo_available_bytes(plan->nodes[i]) < need)
			return "a node has too little free memory; use a smaller --size";
	no_memory = memory_missing(need);
	if (no_memory)
		return no_memory;
	if (units < plan->nr_threads / plan->nr_procs)
		return "more threads than pages";
	return plan->workload->missing ? plan->workload->missing(plan) : NULL;
}
