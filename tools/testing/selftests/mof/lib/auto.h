/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of the automatic mode, kernel.numa_balancing=4, share.
 */
#ifndef _MOF_AUTO_H
#define _MOF_AUTO_H

#include <sys/mman.h>

#include "util.h"

#define NO_AUTOMATIC	"kernel without the automatic mode"
#define TOO_LARGE	"page tables that map too much for these nodes"
#define MOST_EXTENTS	16		/* that tests have on a node */

/* What one page table maps: what the mode learns, it learns of that. */
static inline long extent_pages(void)
{
	return page_size() / sizeof(__u64);
}

/* machine_setup(), and is there what we test? */
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

/* Map base pages, filled, on @node: extents that no other area has a part of. */
static inline int area_new_extents(struct area *a, long extents, int node)
{
	int err = area_map_file(a, extents * extent_pages(), PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1);

	if (err)
		return err;
	madvise(a->base, area_bytes(a), MADV_NOHUGEPAGE);
	return area_place(a, node);
}

/* Bind the area to nodes, among which it may be balanced. */
static inline long area_balanced(const struct area *a, unsigned long nodes)
{
	return area_mbind(a, MPOL_BIND | MPOL_F_NUMA_BALANCING, nodes, 0);
}

#endif /* _MOF_AUTO_H */
