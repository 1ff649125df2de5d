// SPDX-License-Identifier: GPL-2.0
/*
 * What does HWLOC_MEMBIND_NEXTTOUCH do here? Allocates on the first node, sets
 * the policy, touches from the second, and prints what happened, a line each.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <hwloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BYTES	(4UL << 20)

static void location(hwloc_topology_t topology, const char *when, void *area)
{
	hwloc_bitmap_t nodes = hwloc_bitmap_alloc();
	char *text;

	hwloc_get_area_memlocation(topology, area, BYTES, nodes, HWLOC_MEMBIND_BYNODESET);
	hwloc_bitmap_list_asprintf(&text, nodes);
	printf("%s: nodes %s\n", when, text);
	free(text);
	hwloc_bitmap_free(nodes);
}

static void run_on(hwloc_topology_t topology, hwloc_obj_t node)
{
	if (hwloc_set_cpubind(topology, node->cpuset, HWLOC_CPUBIND_STRICT))
		perror("hwloc_set_cpubind");
}

static int next_touch(hwloc_topology_t topology, void *area, hwloc_const_nodeset_t nodes,
		      int flags)
{
	return hwloc_set_area_membind(topology, area, BYTES, nodes, HWLOC_MEMBIND_NEXTTOUCH,
				      HWLOC_MEMBIND_BYNODESET | flags);
}

static void say(const char *what, int err)
{
	printf("%s: %s\n", what, err ? strerrorname_np(errno) : "0");
}

int main(void)
{
	hwloc_topology_t topology;
	hwloc_const_nodeset_t all;
	hwloc_obj_t first, second;
	char *area;

	hwloc_topology_init(&topology);
	hwloc_topology_load(topology);
	all = hwloc_topology_get_complete_nodeset(topology);
	first = hwloc_get_obj_by_type(topology, HWLOC_OBJ_NUMANODE, 0);
	second = hwloc_get_obj_by_type(topology, HWLOC_OBJ_NUMANODE, 1);
	if (!second)
		return 77;
	printf("support: %d\n",
	       hwloc_topology_get_support(topology)->membind->nexttouch_membind);
	run_on(topology, first);
	area = hwloc_alloc(topology, BYTES);
	madvise(area, BYTES, MADV_NOHUGEPAGE);
	memset(area, 1, BYTES);
	location(topology, "before", area);
	say("a part of the nodes", next_touch(topology, area, first->nodeset, 0));
	say("all nodes", next_touch(topology, area, all, 0));
	mprotect(area, getpagesize(), PROT_NONE);
	say("strictly, with an inaccessible page",
	    next_touch(topology, area, all, HWLOC_MEMBIND_STRICT));
	mprotect(area, getpagesize(), PROT_READ | PROT_WRITE);
	say("strictly", next_touch(topology, area, all, HWLOC_MEMBIND_STRICT));
	location(topology, "untouched", area);
	run_on(topology, second);
	memset(area, 2, BYTES);
	location(topology, "after", area);
	say("a thread", hwloc_set_membind(topology, all, HWLOC_MEMBIND_NEXTTOUCH,
					  HWLOC_MEMBIND_BYNODESET | HWLOC_MEMBIND_THREAD));
	hwloc_free(topology, area, BYTES);
	hwloc_topology_destroy(topology);
	return 0;
}
