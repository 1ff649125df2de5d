// SPDX-License-Identifier: GPL-2.0
/* The nodes and CPUs that this process may use, and those to measure with. */
#include <numa.h>
#include <numaif.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "numa-bench.h"

int topo_max_node(void)
{
	int max = numa_max_node();

	return max < NB_MAX_NODES ? max : NB_MAX_NODES - 1;
}

bool topo_has_memory(int node)
{
	return numa_bitmask_isbitset(numa_all_nodes_ptr, node) &&
	       numa_node_size64(node, NULL) > 0;
}

/*
 * The n-th CPU of the node that this process may run on, counted modulo the
 * number of such CPUs. -1 if there is none.
 */
int topo_nth_cpu(int node, unsigned int n)
{
	struct bitmask *cpus = numa_allocate_cpumask();
	int found = -1;

	if (numa_node_to_cpus(node, cpus))
		goto out;
	for (unsigned int i = 0; i < cpus->size; i++)
		if (!numa_bitmask_isbitset(numa_all_cpus_ptr, i))
			numa_bitmask_clearbit(cpus, i);
	if (!numa_bitmask_weight(cpus))
		goto out;
	n %= numa_bitmask_weight(cpus);
	for (unsigned int i = 0; i < cpus->size && found < 0; i++)
		if (numa_bitmask_isbitset(cpus, i) && !n--)
			found = (int)i;
out:
	numa_free_cpumask(cpus);
	return found;
}

int topo_first_cpu(int node)
{
	return topo_nth_cpu(node, 0);
}

/* Free memory and clean cache: allocating more could invoke the OOM killer. */
size_t topo_available_bytes(int node)
{
	static const char *const fields[] = {
		" MemFree:", " Inactive(file):", " SReclaimable:",
	};
	char path[64], line[128];
	size_t kib = 0;
	FILE *file;

	snprintf(path, sizeof(path),
		 "/sys/devices/system/node/node%d/meminfo", node);
	file = fopen(path, "r");
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
			const char *hit = strstr(line, fields[i]);

			if (hit)
				kib += strtoul(hit + strlen(fields[i]), NULL, 10);
		}
	fclose(file);
	return kib << 10;
}

int topo_bind_cpu(int cpu)
{
	struct bitmask *mask = numa_allocate_cpumask();
	int ret;

	numa_bitmask_setbit(mask, cpu);
	ret = numa_sched_setaffinity(0, mask);
	numa_free_cpumask(mask);
	if (ret < 0) {
		fprintf(stderr,
			"numa-bench: cannot run on CPU %d: %m; check the cpuset and taskset of this shell\n",
			cpu);
		return -1;
	}
	return 0;
}

#define BITS_PER_ULONG	(8 * sizeof(unsigned long))

struct node_mask {
	unsigned long bits[NB_MAX_NODES / BITS_PER_ULONG];
};

static struct node_mask mask_of(int node)
{
	struct node_mask mask = { 0 };

	mask.bits[node / BITS_PER_ULONG] = 1UL << (node % BITS_PER_ULONG);
	return mask;
}

/* Sets the policy of this thread, such as MPOL_BIND, to one node. */
int topo_set_policy(int mode, int node)
{
	struct node_mask mask = mask_of(node);

	return (int)set_mempolicy(mode, mask.bits, NB_MAX_NODES + 1);
}

int topo_bind_memory(void *base, size_t bytes, int node, unsigned int flags)
{
	struct node_mask mask = mask_of(node);

	return (int)mbind(base, bytes, MPOL_BIND, mask.bits, NB_MAX_NODES + 1,
			  flags);
}

static int check_node(int node, const char *option, bool need_cpu)
{
	const char *lacks = NULL;

	if (node > topo_max_node() ||
	    !numa_bitmask_isbitset(numa_nodes_ptr, node))
		lacks = "does not exist";
	else if (!topo_has_memory(node))
		lacks = "has no memory that this process may use";
	else if (need_cpu && topo_first_cpu(node) < 0)
		lacks = "has no CPU that this process may run on";
	if (!lacks)
		return 0;
	fprintf(stderr,
		"numa-bench: %s: node %d %s; `numactl --hardware' lists the nodes\n",
		option, node, lacks);
	return -1;
}

/* The node with memory that is nearest to "to", other than "to"; or -1 */
static int nearest_memory(int to)
{
	int best = -1;

	for (int node = 0; node <= topo_max_node(); node++) {
		if (node == to || !topo_has_memory(node))
			continue;
		if (best < 0 || numa_distance(to, node) < numa_distance(to, best))
			best = node;
	}
	return best;
}

static int choose_to(int from)
{
	for (int node = 0; node <= topo_max_node(); node++)
		if (node != from && topo_has_memory(node) &&
		    topo_first_cpu(node) >= 0)
			return node;
	return -1;
}

static void choose_cpus(struct topo *topo)
{
	topo->touch_cpu = topo_first_cpu(topo->to);
	topo->write_cpu = topo_first_cpu(topo->from);
	if (topo->write_cpu < 0)
		topo->write_cpu = topo->touch_cpu;
}

static int need_second_node(void)
{
	fprintf(stderr,
		"numa-bench: two NUMA nodes with memory, one of them with CPUs, are needed; this machine or cpuset has not.\n"
		"numa-bench: to try it in a NUMA guest, run `make run' at the top of the source tree.\n");
	return NB_SKIP;
}

/*
 * Explicit nodes are used even if both are the same: that measures calls that
 * have nothing to move.
 */
int topo_choose(struct topo *topo, int from, int to)
{
	if ((from >= 0 && check_node(from, "--from", false)) ||
	    (to >= 0 && check_node(to, "--to", true)))
		return NB_USAGE;

	topo->to = to >= 0 ? to : choose_to(from);
	if (topo->to < 0)
		return need_second_node();
	topo->from = from >= 0 ? from : nearest_memory(topo->to);
	if (topo->from < 0)
		return need_second_node();
	choose_cpus(topo);
	return NB_OK;
}

/*
 * One part of the area on each of @nodes nodes; each part is touched from the
 * node of the next part. -1 if fewer nodes have memory and CPUs.
 */
int topo_ring(struct pairs *pairs, unsigned int nodes)
{
	unsigned int nr = 0;

	for (int node = 0; node <= topo_max_node() && nr < nodes; node++)
		if (topo_has_memory(node) && topo_first_cpu(node) >= 0)
			pairs->pair[nr++].from = node;
	if (nr < nodes)
		return -1;
	pairs->nr = nr;
	for (unsigned int i = 0; i < nr; i++) {
		pairs->pair[i].to = pairs->pair[(i + 1) % nr].from;
		choose_cpus(&pairs->pair[i]);
	}
	return 0;
}
