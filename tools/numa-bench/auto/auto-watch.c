// SPDX-License-Identifier: GPL-2.0
/*
 * Where the pages are that threads use: asks move_pages(2) without nodes, from
 * outside of the process. That moves nothing and is no touch; it costs some
 * hundred instructions for each page, and holds mmap_lock for 16 at a time.
 */
#include <numaif.h>
#include <stdlib.h>
#include <string.h>

#include "auto.h"

#define BATCH	1024

/* One of each of nr consecutive parts of the share, at random */
static size_t choose(const struct share *share, size_t idx, size_t nr,
		     uint64_t seed)
{
	size_t first = share->nr * idx / nr;
	size_t end = share->nr * (idx + 1) / nr;
	size_t page = first + mix64(seed + idx) % (end - first);

	return share->first + page * share->step;
}

static int choose_pages(const struct plan *plan, const struct share *share,
			struct watched *watched, unsigned int nr)
{
	const struct area *area = &plan->area;

	watched->nr = nr && nr < share->nr ? nr : share->nr;
	watched->pages = calloc(watched->nr, sizeof(*watched->pages));
	watched->nodes = calloc(watched->nr, sizeof(*watched->nodes));
	if (!watched->pages || !watched->nodes)
		return -1;
	for (size_t i = 0; i < watched->nr; i++)
		watched->pages[i] = area->base + area->page_bytes *
			choose(share, i, watched->nr, plan->opts->seed);
	return 0;
}

int watch_make(struct watch *watch, const struct plan *plan,
	       unsigned int pages)
{
	watch->plan = plan;
	watch->shares = calloc(plan->nr_shares + 1, sizeof(*watch->shares));
	if (!watch->shares)
		return -1;
	for (unsigned int i = 0; i < plan->nr_shares; i++)
		if (choose_pages(plan, &plan->shares[i], &watch->shares[i],
				 pages)) {
			watch_free(watch);
			return -1;
		}
	return 0;
}

void watch_free(struct watch *watch)
{
	for (unsigned int i = 0; watch->shares && i < watch->plan->nr_shares;
	     i++) {
		free(watch->shares[i].pages);
		free(watch->shares[i].nodes);
	}
	free(watch->shares);
	watch->shares = NULL;
}

static int ask(const struct watch *watch, unsigned int idx)
{
	const struct plan *plan = watch->plan;
	struct watched *watched = &watch->shares[idx];
	pid_t pid = plan->pids[plan->shares[idx].proc];

	for (size_t done = 0; done < watched->nr; done += BATCH) {
		size_t nr = watched->nr - done;

		if (move_pages(pid, nr < BATCH ? nr : BATCH,
			       watched->pages + done, NULL,
			       watched->nodes + done, 0) < 0)
			return -1;
	}
	return 0;
}

static void count_nodes(const struct watch *watch, struct point *point)
{
	const struct plan *plan = watch->plan;

	for (unsigned int i = 0; i < plan->nr_shares; i++)
		for (size_t k = 0; k < watch->shares[i].nr; k++)
			for (unsigned int n = 0; n < plan->nr_nodes; n++)
				point->node_pages[n] +=
					watch->shares[i].nodes[k] == plan->nodes[n];
}

/* A page that is on its way is on no node, and left out. */
static double local_part(const struct watched *watched, int node)
{
	size_t present = 0, local = 0;

	for (size_t i = 0; i < watched->nr; i++) {
		present += watched->nodes[i] >= 0;
		local += watched->nodes[i] == node;
	}
	return present ? (double)local / (double)present : 0;
}

static void look_at_thread(const struct watch *watch, unsigned int thread,
			   struct point *point)
{
	const struct slot *slot = &watch->plan->board->slot[thread];
	struct thread_point *own = &point->threads[thread];

	own->touches = slot->touches;
	own->node = slot->node;
	own->share = slot->share;
	point->touches += own->touches;
	if (!watch->plan->nr_shares)
		return;
	own->local = local_part(&watch->shares[own->share], own->node);
	point->local += own->local / watch->plan->nr_threads;
}

/* The caller fills in the time and the counters. */
int watch_look(struct watch *watch, struct point *point)
{
	const struct plan *plan = watch->plan;

	point->threads = calloc(plan->nr_threads, sizeof(*point->threads));
	point->node_pages = calloc(plan->nr_nodes, sizeof(*point->node_pages));
	if (!point->threads || !point->node_pages)
		return -1;
	for (unsigned int i = 0; i < plan->nr_shares; i++)
		if (ask(watch, i))
			return -1;
	count_nodes(watch, point);
	for (unsigned int i = 0; i < plan->nr_threads; i++)
		look_at_thread(watch, i, point);
	if (!plan->nr_shares)
		point->local = -1;
	return 0;
}
