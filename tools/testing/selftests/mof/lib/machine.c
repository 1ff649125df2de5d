// SPDX-License-Identifier: GPL-2.0
/*
 * Nodes and CPUs of the machine.
 */
#include <errno.h>
#include <numa.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util.h"

#define CPUS		"/sys/devices/system/cpu/"

/* Free memory that a node must have to be used, in bytes. */
#define ENOUGH_FREE	(16LL << 20)

static bool node_has_cpus(int node)
{
	struct bitmask *cpus = numa_allocate_cpumask();
	bool found;

	found = !numa_node_to_cpus(node, cpus) && numa_bitmask_weight(cpus);
	numa_free_cpumask(cpus);
	return found;
}

static void machine_add_node(struct machine *m, int node)
{
	bool cpus = node_has_cpus(node);
	long long free = 0;

	if (numa_node_size64(node, &free) <= 0) {
		if (cpus && m->memoryless == NO_NODE)
			m->memoryless = node;
		return;
	}
	if (free < ENOUGH_FREE)
		return;
	if (!cpus && m->cpuless == NO_NODE)
		m->cpuless = node;
	if (cpus && m->from == NO_NODE)
		m->from = node;
	else if (cpus && m->to == NO_NODE)
		m->to = node;
	else if (m->third == NO_NODE)
		m->third = node;
}

/**
 * machine_setup() - find nodes to test with, and disable automatic balancing
 * @m: is filled in; give it to machine_restore() in the end
 *
 * Return: NULL, or why tests of placement cannot run here.
 */
const char *machine_setup(struct machine *m)
{
	int node;

	*m = (struct machine) {
		.from = NO_NODE, .to = NO_NODE, .third = NO_NODE,
		.memoryless = NO_NODE, .cpuless = NO_NODE,
		.balancing = read_long(BALANCING),
	};
	if (numa_available() < 0)
		return "kernel without NUMA";
	for (node = 0; node <= numa_max_node(); node++)
		machine_add_node(m, node);
	if (m->to == NO_NODE)
		return "needs two nodes with CPUs and free memory";
	if (m->balancing > 0 && write_long(BALANCING, 0))
		return "needs root to set kernel.numa_balancing";
	return NULL;
}

/* machine_setup() for tests of MPOL_MF_LAZY. */
const char *machine_setup_lazy(struct machine *m)
{
	const char *why = machine_setup(m);

	return !why && !have_lazy() ? NO_LAZY : why;
}

void machine_restore(const struct machine *m)
{
	if (m->balancing >= 0)
		write_long(BALANCING, m->balancing);
}

bool have_lazy(void)
{
	struct area a;
	long err;

	if (area_map(&a, 1))
		return false;
	err = area_mbind(&a, MPOL_DEFAULT, 0, MOF_LAZY_MOVE);
	area_free(&a);
	return !err;
}

bool lazy_expected_absent(void)
{
	const char *v = getenv("MOF_EXPECT_ABSENT");

	return v && *v && strcmp(v, "0");
}

/* Node of the calling thread, from the kernel: libnuma caches it. */
int my_node(void)
{
	unsigned int cpu, node;

	return getcpu(&cpu, &node) ? -errno : (int)node;
}

/* Bind the calling thread to @node's CPUs, and wait until it runs there. */
int run_on(int node)
{
	struct bitmask *cpus = numa_allocate_cpumask();
	int err;

	err = numa_node_to_cpus(node, cpus);
	if (!err)
		err = numa_sched_setaffinity(0, cpus);
	numa_free_cpumask(cpus);
	if (err < 0)
		return -errno;
	return my_node() == node ? 0 : -EAGAIN;
}

bool cpus_can_go(int node)
{
	char path[80];

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/cpu0", node);
	return access(path, F_OK) && !access(CPUS "cpu1/online", W_OK);
}

static int cpu_set(int cpu, bool on)
{
	char path[80];

	snprintf(path, sizeof(path), CPUS "cpu%d/online", cpu);
	return write_long(path, on);
}

/* Take all of a node's CPUs offline, or online; CPU 0 stays online. */
int node_cpus_set(int node, bool on)
{
	char path[80];
	int cpu, err = 0;

	for (cpu = 1; cpu < 64; cpu++) {
		snprintf(path, sizeof(path), CPUS "cpu%d/node%d", cpu, node);
		if (!access(path, F_OK) || on)
			err = cpu_set(cpu, on) ? : err;
	}
	return on ? 0 : err;
}

/* Mask of the nodes that have memory. */
unsigned long memory_nodes(void)
{
	unsigned long mask = 0;
	int node;

	for (node = 0; node <= numa_max_node(); node++)
		if (numa_node_size64(node, NULL) > 0)
			mask |= NODE_MASK(node);
	return mask;
}

/**
 * is_nearest() - check that no other node is nearer
 * @node:  distance from this node
 * @nid:   the node in question
 * @among: mask of all candidates
 *
 * Return: true if @nid is one of @among, and as near to @node as any of them.
 */
bool is_nearest(int node, int nid, unsigned long among)
{
	int n;

	if (nid < 0 || !(among & NODE_MASK(nid)))
		return false;
	for (n = 0; n <= numa_max_node(); n++)
		if (among & NODE_MASK(n) &&
		    numa_distance(node, n) < numa_distance(node, nid))
			return false;
	return true;
}

int set_task_policy(int mode, unsigned long nodes)
{
	return set_mempolicy(mode, nodes ? &nodes : NULL, nodes ? MAX_NODE : 0);
}
