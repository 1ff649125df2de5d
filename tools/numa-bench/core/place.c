// SPDX-License-Identifier: GPL-2.0
/* Where the pages are: asks move_pages(2) without nodes, which moves none. */
#include <numaif.h>

#include "numa-bench.h"

#define BATCH	1024

/* nodes[]: a node, or a negative errno where no page is mapped */
int place_query(const struct area *area, int *nodes)
{
	void *pages[BATCH];

	for (size_t done = 0; done < area->nr_pages; done += BATCH) {
		size_t nr = area->nr_pages - done;

		if (nr > BATCH)
			nr = BATCH;
		for (size_t i = 0; i < nr; i++)
			pages[i] = area->base + (done + i) * area->page_bytes;
		if (move_pages(0, nr, pages, NULL, nodes + done, 0) < 0)
			return -1;
	}
	return 0;
}

/* Adds pages that were to go to one target. */
void place_add(struct placement *place, const int *before, const int *after,
	       const bool *touched, size_t nr_pages, int target)
{
	for (size_t i = 0; i < nr_pages; i++) {
		bool moved = after[i] == target && before[i] != target;

		if (after[i] >= 0 && after[i] < NB_MAX_NODES)
			place->node_pages[after[i]]++;
		else
			place->absent_pages++;
		place->moved_pages += moved;
		place->moved_untouched_pages += moved && !touched[i];
		place->left_behind_pages += touched[i] && after[i] != target;
	}
}
