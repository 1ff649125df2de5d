// SPDX-License-Identifier: GPL-2.0
/*
 * Does numa_next_touch.h do what its manual says? Writes TAP. Not SKIP, but a
 * failure if the kernel's answers to the two ways of asking differ.
 */
#include <numa.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "include/numa_next_touch.h"

#define PAGES	256L
#define LATE	31L	/* may still be in another CPU's list of fresh pages */

static int tests, failed;
static int first = -1, second = -1;	/* nodes with CPUs and memory */

static void result(bool good, const char *name)
{
	failed += !good;
	printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
}

static void skip(const char *name, const char *why)
{
	printf("ok %d - %s # SKIP %s\n", ++tests, name, why);
}

static void find_nodes(void)
{
	struct bitmask *cpus = numa_allocate_cpumask();

	for (int node = 0; node <= numa_max_node(); node++) {
		if (!numa_bitmask_isbitset(numa_get_mems_allowed(), node) ||
		    numa_node_to_cpus(node, cpus) || !numa_bitmask_weight(cpus))
			continue;
		if (first < 0)
			first = node;
		else if (second < 0)
			second = node;
	}
	numa_free_cpumask(cpus);
}

static char *map(void)
{
	char *area = mmap(NULL, PAGES * numa_pagesize(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (area == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	madvise(area, PAGES * numa_pagesize(), MADV_NOHUGEPAGE);
	return area;
}

/* As other programs ask: the call, to the letter. */
static int probed_otherwise(void)
{
	char *page = map();
	long ret = mbind(page, numa_pagesize(), MPOL_PREFERRED, NULL, 0,
			 MPOL_MF_MOVE | MPOL_MF_LAZY);
	int err = ret ? errno : 0;

	munmap(page, PAGES * numa_pagesize());
	return err;
}

static long on_node(char *area, int node)
{
	void *addr[PAGES];
	int status[PAGES];
	long found = 0;

	for (long i = 0; i < PAGES; i++)
		addr[i] = area + i * numa_pagesize();
	if (numa_move_pages(0, PAGES, addr, NULL, status, 0))
		return -1;
	for (long i = 0; i < PAGES; i++)
		found += status[i] == node;
	return found;
}

static int mode_of(void *addr)
{
	int mode = -1;

	return get_mempolicy(&mode, NULL, 0, addr, MPOL_F_ADDR) ? -1 : mode;
}

static void test_probes(void)
{
	int known, other, mode;
	char *area = map();

	numa_tonode_memory(area, PAGES * numa_pagesize(), first);
	memset(area, 1, PAGES * numa_pagesize());
	mode = mode_of(area);
	errno = ERANGE;
	known = numa_next_touch_available();
	result(errno == ERANGE && mode_of(area) == mode && on_node(area, first) == PAGES,
	       "asking leaves errno, policies and pages alone");
	other = probed_otherwise();
	result(known ? !other : other == EINVAL,
	       "asking with MPOL_PREFERRED, no nodes, MPOL_MF_MOVE|MPOL_MF_LAZY agrees");
	munmap(area, PAGES * numa_pagesize());
}

/* Neither address nor length is that of pages. */
static void test_move(void)
{
	long bytes = PAGES * numa_pagesize();
	char *area = map();
	bool same = true;

	numa_run_on_node(first);
	for (long i = 0; i < bytes; i++)
		area[i] = i % 251;
	result(on_node(area, first) == PAGES, "memory is on the first node");
	result(!numa_next_touch(area + 100, bytes - 200) && on_node(area, first) == PAGES,
	       "numa_next_touch() succeeds, and moves nothing");
	result(mode_of(area) == MPOL_LOCAL || mode_of(area) == MPOL_PREFERRED,
	       "the policy is local");
	numa_run_on_node(second);
	for (long i = 0; i < bytes; i++)
		same &= area[i] == (char)(i % 251);
	printf("# %ld of %ld pages on node %d\n", on_node(area, second), PAGES, second);
	result(on_node(area, second) >= PAGES - LATE, "a touch from the second moves it there");
	result(same, "contents are the same");
	munmap(area, bytes);
	result(numa_next_touch(area, bytes) == -1 && errno == EFAULT,
	       "what is not mapped is EFAULT");
}

static void test_absent(void)
{
	char *area = map();

	result(numa_next_touch(area, PAGES * numa_pagesize()) == -1 && errno == EOPNOTSUPP,
	       "a kernel without it gives EOPNOTSUPP");
	result(mode_of(area) == MPOL_DEFAULT, "and leaves the policy alone");
	munmap(area, PAGES * numa_pagesize());
}

int main(void)
{
	if (numa_available() < 0) {
		skip("next touch", "kernel without NUMA");
	} else {
		find_nodes();
		test_probes();
		if (!numa_next_touch_available())
			test_absent();
		else if (second < 0)
			skip("pages move", "needs two nodes with CPUs and memory");
		else
			test_move();
	}
	printf("1..%d\n", tests);
	return failed > 0;
}
