/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Helpers for tests of the automatic mode, kernel.numa_balancing=4.
 */
#ifndef _MOF_AUTO_H
#define _MOF_AUTO_H

#include <sys/mman.h>

#include "util.h"

#define NO_AUTOMATIC	"kernel without the automatic mode"
#define TOO_LARGE	"page tables map too much memory for these nodes"
#define MOST_EXTENTS	16		/* maximum that tests use on a node */

/* Pages mapped by one page table, the granularity of the mode's history. */
static inline long extent_pages(void)
{
	return page_size() / sizeof(__u64);
}

/* machine_setup(), if the kernel has the automatic mode. */
static inline const char *automatic_setup(struct machine *m)
{
	const char *why = machine_setup(m);

	if (!why && !have_automatic())
		why = NO_AUTOMATIC;
	if (!why && !nodes_hold(MOST_EXTENTS * extent_pages() * page_size()))
		why = TOO_LARGE;
	if (why)
		machine_restore(m);
	return why;
}

/* Map filled base pages on @node, in extents that contain no other VMA. */
static inline int area_new_extents(struct area *a, long extents, int node)
{
	int err = area_map_file(a, extents * extent_pages(), PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1);

	if (err)
		return err;
	madvise(a->base, area_bytes(a), MADV_NOHUGEPAGE);
	return area_place(a, node);
}

/* Bind the area to @nodes, and allow balancing among them. */
static inline long area_balanced(const struct area *a, unsigned long nodes)
{
	return area_mbind(a, MPOL_BIND | MPOL_F_NUMA_BALANCING, nodes, 0);
}

#endif /* _MOF_AUTO_H */
