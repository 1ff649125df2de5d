// SPDX-License-Identifier: GPL-2.0
/*
 * Restrictions of this process, tested before measuring: system calls that a
 * container refuses, and memory limits that invoke the OOM killer.
 */
#include <errno.h>
#include <numaif.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "numa-bench.h"

/* The reason why a call was refused, or NULL if it was not. */
static const char *refusal(long ret)
{
	if (ret >= 0)
		return NULL;
	return errno == EPERM || errno == EACCES ?
		"refused, as by the seccomp profile of a container (give it CAP_SYS_NICE)" :
		"a kernel without CONFIG_NUMA or CONFIG_MIGRATION";
}

const char *mbind_missing(void)
{
	return refusal(mbind(NULL, 0, MPOL_DEFAULT, NULL, 0, MPOL_MF_MOVE));
}

const char *move_pages_missing(void)
{
	void *page = &page;
	int node;

	return refusal(move_pages(0, 1, &page, NULL, &node, 0));
}

/* No page can be placed or located without these; libnuma does not check them. */
int calls_check(void)
{
	const char *call = "mbind(2)", *why = mbind_missing();

	if (!why) {
		call = "move_pages(2)";
		why = move_pages_missing();
	}
	if (!why)
		return NB_OK;
	fprintf(stderr, "numa-bench: %s: %s\n", call, why);
	return NB_SKIP;
}

/* Files of a memory cgroup; v1 has a separate hierarchy per controller. */
struct cgroup_files {
	const char *root;
	const char *limit;
	const char *usage;
	const char *cache;	/* in memory.stat */
};

static const struct cgroup_files v1 = {
	"/sys/fs/cgroup/memory", "memory.limit_in_bytes",
	"memory.usage_in_bytes", "total_inactive_file",
};

static const struct cgroup_files v2 = {
	"/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file",
};

static uint64_t cgroup_number(const char *dir, const char *name, uint64_t none)
{
	char path[4400], line[64];
	uint64_t val;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return parse_u64(read_line(path, line, sizeof(line)), &val) ? none : val;
}

/* Clean cache, which is reclaimed before a limit is hit */
static uint64_t cgroup_cache(const char *dir, const char *field)
{
	char path[4400], name[64];
	unsigned long long val, found = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/memory.stat", dir);
	file = fopen(path, "r");
	while (file && fscanf(file, "%63s %llu", name, &val) == 2)
		if (!strcmp(name, field))
			found = val;
	if (file)
		fclose(file);
	return found;
}

/* Limits apply to all descendants: take the least of the group and its parents. */
static uint64_t cgroup_rest(const struct cgroup_files *files, const char *group)
{
	uint64_t rest = UINT64_MAX;
	char dir[4300];

	snprintf(dir, sizeof(dir), "%s%s", files->root, group);
	while (strlen(dir) >= strlen(files->root)) {
		uint64_t limit = cgroup_number(dir, files->limit, UINT64_MAX);
		uint64_t used = cgroup_number(dir, files->usage, 0);
		uint64_t cache = limit < UINT64_MAX ?
			cgroup_cache(dir, files->cache) : 0;

		used = used > cache ? used - cache : 0;
		if (limit < UINT64_MAX && limit - (used < limit ? used : limit) < rest)
			rest = limit - (used < limit ? used : limit);
		*strrchr(dir, '/') = '\0';
	}
	return rest;
}

/* UINT64_MAX without a limit. v1 has lines "4:memory:/a/b", v2 has "0::/a/b". */
static uint64_t cgroup_available(void)
{
	FILE *file = fopen("/proc/self/cgroup", "r");
	uint64_t least = UINT64_MAX, rest;
	char line[4200];

	while (file && fgets(line, sizeof(line), file)) {
		char *group = strchr(line, '/');

		if (!group)
			continue;
		group[strcspn(group, "\n")] = '\0';
		if (strstr(line, ":memory:"))
			rest = cgroup_rest(&v1, group);
		else if (!strncmp(line, "0::", 3))
			rest = cgroup_rest(&v2, group);
		else
			continue;
		least = rest < least ? rest : least;
	}
	if (file)
		fclose(file);
	return least;
}

/* Limits of the process and its cgroups; nodes are not considered. */
const char *memory_missing(size_t bytes)
{
	void *area = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (area == MAP_FAILED)
		return "too much memory for `ulimit -v' or `ulimit -d'; use a smaller --size";
	munmap(area, bytes);
	return cgroup_available() < bytes ?
		"more than the memory limit of this cgroup; use a smaller --size" : NULL;
}
