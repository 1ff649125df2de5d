// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel has and lets us do. Each is tried, on a page of our own or
 * on nothing: a file may be there and the call be refused.
 */
#include <numa.h>
#include <numaif.h>
#include <string.h>
#include <unistd.h>

#include "info.h"
#include "perf.h"

static const char *missing_nodes(void)
{
	unsigned int nr = 0;

	for (int node = 0; node <= topo_max_node(); node++)
		nr += topo_has_memory(node);
	return nr >= 2 ? NULL : "fewer than two nodes with memory that this process may use";
}

static const char *missing_mempolicy(void)
{
	int mode;

	return get_mempolicy(&mode, NULL, 0, NULL, 0) ?
		"refused, or a kernel without CONFIG_NUMA" : NULL;
}

static const char *missing_lazy(void)
{
	return methods[METHOD_MBIND_LAZY].missing();
}

static const char *missing_automatic(void)
{
	return counters_known("mof_samples") ? NULL :
		"no mof_samples in /proc/vmstat (needs CONFIG_MIGRATE_ON_FAULT)";
}

static const char *missing_file(const char *path, const char *why_not_there)
{
	if (access(path, F_OK))
		return why_not_there;
	return access(path, W_OK) ? "only root may set it" : NULL;
}

static const char *missing_balancing(void)
{
	return missing_file("/proc/sys/kernel/numa_balancing",
			    "a kernel without CONFIG_NUMA_BALANCING, or a single node");
}

static const char *missing_windows(void)
{
	return missing_file("/proc/sys/vm/mof_window_pages",
			    "a kernel without CONFIG_MIGRATE_ON_FAULT");
}

static const char *missing_thp(void)
{
	return page_kind_missing(PAGES_THP);
}

static const char *missing_mthp(void)
{
	return nr_page_kinds > PAGES_MTHP ? NULL :
		"no sizes between a page and a PMD (Linux 6.8 has)";
}

static const char *missing_vmstat(void)
{
	return counters_nr() ? NULL : "/proc/vmstat cannot be read, or has none of them";
}

static const char *missing_smaps(void)
{
	return access("/proc/self/smaps", R_OK) ?
		"a kernel without CONFIG_PROC_PAGE_MONITOR, or no /proc" : NULL;
}

static const char *missing_cpusets(void)
{
	char line[256];

	read_line("/sys/fs/cgroup/cgroup.controllers", line, sizeof(line));
	if (!strstr(line, "cpuset"))
		return "no cgroup v2 with the controller cpuset (bound-cpuset needs it)";
	return missing_file("/sys/fs/cgroup/cgroup.subtree_control", "no cgroup v2");
}

const struct feature features[] = {
	{ "two nodes", missing_nodes },
	{ "get_mempolicy", missing_mempolicy },
	{ "mbind", mbind_missing },
	{ "move_pages", move_pages_missing },
	{ "MPOL_MF_LAZY", missing_lazy },
	{ "vm.mof_window_pages", missing_windows },
	{ "kernel.numa_balancing", missing_balancing },
	{ "automatic mode (4)", missing_automatic },
	{ "THPs", missing_thp },
	{ "THPs of other sizes", missing_mthp },
	{ "counters of migration", missing_vmstat },
	{ "/proc/self/smaps", missing_smaps },
	{ "cpusets", missing_cpusets },
	{ "perf: software events", perf_missing_software },
	{ "perf: cycles", perf_missing_cycles },
	{ "perf: node-loads", perf_missing_nodes },
	{ "perf: events in the kernel", perf_missing_kernel },
};

const size_t nr_features = ARRAY_SIZE(features);
