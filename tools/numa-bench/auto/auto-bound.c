// SPDX-License-Identifier: GPL-2.0
/* Workloads that may not, or need not, have their memory elsewhere. */
#include <fcntl.h>
#include <numa.h>
#include <numaif.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auto.h"

#define CGROUP		"/sys/fs/cgroup"

/* As numactl --membind: all memory of the process, on the first node */
static int bind_memory(const struct plan *plan)
{
	struct bitmask *nodes = numa_allocate_nodemask();
	int ret;

	numa_bitmask_setbit(nodes, plan->nodes[0]);
	ret = (int)set_mempolicy(MPOL_BIND, nodes->maskp, nodes->size + 1);
	numa_free_nodemask(nodes);
	return ret;
}

const struct auto_workload bound = {
	.name = "bound",
	.does = "split, with all memory bound to the first node (MPOL_BIND)",
	.expect = "nothing can be done: no faults, no PTE updates",
	.procs = 1, .confine = bind_memory,
};

static unsigned int first_node(const struct plan *plan, unsigned int thread,
			       unsigned int epoch)
{
	(void)plan;
	(void)thread;
	(void)epoch;
	return 0;
}

const struct auto_workload bound_node = {
	.name = "bound-node",
	.does = "all threads on the first node, where all memory is",
	.expect = "nothing to do: no faults, no PTE updates",
	.procs = 1, .node_of = first_node,
};

static char cpuset[64];

static int write_cgroup(const char *dir, const char *file, const char *text)
{
	ssize_t len = (ssize_t)strlen(text);
	char path[128];
	int fd, ret;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ret = write(fd, text, len) == len ? 0 : -1;
	close(fd);
	return ret;
}

/* Also called by a signal handler */
void cpuset_remove(void)
{
	if (*cpuset)
		rmdir(cpuset);
	*cpuset = '\0';
}

static int make_cpuset(const struct plan *plan)
{
	char path[64], cpus[1024], node[16];

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/cpulist",
		 plan->nodes[0]);
	snprintf(node, sizeof(node), "%d", plan->nodes[0]);
	snprintf(cpuset, sizeof(cpuset), CGROUP "/numa-bench.%d", getpid());
	if (write_cgroup(CGROUP, "cgroup.subtree_control", "+cpuset") ||
	    mkdir(cpuset, 0755)) {
		*cpuset = '\0';
		return -1;
	}
	if (!write_cgroup(cpuset, "cpuset.mems", node) &&
	    !write_cgroup(cpuset, "cpuset.cpus",
			  read_line(path, cpus, sizeof(cpus))))
		return 0;
	cpuset_remove();
	return -1;
}

static const char *missing_cpuset(const struct plan *plan)
{
	if (make_cpuset(plan))
		return "no cpuset can be made below " CGROUP " (needs root and cgroup v2)";
	cpuset_remove();
	return NULL;
}

static int enter_cpuset(const struct plan *plan)
{
	(void)plan;
	return write_cgroup(cpuset, "cgroup.procs", "0");
}

static void leave_cpuset(const struct plan *plan)
{
	(void)plan;
	cpuset_remove();
}

const struct auto_workload bound_cpuset = {
	.name = "bound-cpuset",
	.does = "bound-node, in a cpuset of the first node only",
	.expect = "nothing can be done: no faults, no PTE updates",
	.procs = 1, .node_of = first_node, .missing = missing_cpuset,
	.prepare = make_cpuset, .confine = enter_cpuset,
	.finish = leave_cpuset,
};
