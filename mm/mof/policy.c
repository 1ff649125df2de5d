// SPDX-License-Identifier: GPL-2.0
/*
 * Migrate-on-fault: where should this page go? Pure functions of a question
 * that holds all they need, so that KUnit can ask each of them.
 * See Documentation/mm/mof.rst.
 */
#include <linux/mempolicy.h>

#include "mof.h"

/*
 * The node of @mask nearest to @from; of equally near ones the page's own, so
 * that nothing moves for nothing, else the lowest.
 */
static int mof_nearest(const struct mof_query *q, int from,
		       const nodemask_t *mask)
{
	int nid, distance, best = NUMA_NO_NODE, best_distance = INT_MAX;

	for_each_node_mask(nid, *mask) {
		distance = q->distance(from, nid);
		if (distance < best_distance ||
		    (distance == best_distance && nid == q->page_nid)) {
			best = nid;
			best_distance = distance;
		}
	}
	return best;
}

/* Where the toucher's own allocations would come from. */
static int mof_local_node(const struct mof_query *q)
{
	if (node_isset(q->touch_nid, *q->memory))
		return q->touch_nid;
	return mof_nearest(q, q->touch_nid, q->memory);
}

/* @nid if it is in @mask, else the page's node if that is, else the nearest. */
static int mof_within(const struct mof_query *q, int nid,
		      const nodemask_t *mask)
{
	if (nid != NUMA_NO_NODE && node_isset(nid, *mask))
		return nid;
	if (node_isset(q->page_nid, *mask))
		return q->page_nid;
	return mof_nearest(q, q->touch_nid, mask);
}

/* Where the policy wants the page, be it allowed there or not. */
static int mof_wanted_node(const struct mof_query *q, const nodemask_t *allowed)
{
	nodemask_t mask;

	switch (q->mode) {
	case MPOL_PREFERRED:
		return first_node(*q->nodes);
	case MPOL_BIND:
	case MPOL_PREFERRED_MANY:
		nodes_and(mask, *q->nodes, *allowed);
		if (q->home_nid != NUMA_NO_NODE)
			return mof_nearest(q, q->home_nid, &mask);
		return mof_within(q, mof_local_node(q), &mask);
	case MPOL_INTERLEAVE:
	case MPOL_WEIGHTED_INTERLEAVE:
		return q->interleave_nid;
	default:
		return mof_local_node(q);
	}
}

/**
 * mof_target_node() - where should this page go?
 * @q: the question
 *
 * ============================  ==============================================
 * policy in force               target
 * ============================  ==============================================
 * default, local                the toucher's node
 * preferred                     that node
 * bind, preferred-many          the toucher's node if it is in the mask; else
 *                               the page stays if its node is; else the nearest
 * the same with a home node     the node of the mask nearest to the home node,
 *                               where allocation would put the page
 * (weighted) interleave         the node that the policy gives this offset
 * ============================  ==============================================
 *
 * A toucher whose node has no memory counts as one of the nearest node that
 * has some. If the cpuset does not allow the target, the page stays if its
 * node is allowed, else the nearest allowed node is taken.
 *
 * Context: any; takes no locks.
 * Return: the node to migrate the page to, NUMA_NO_NODE if it stays.
 */
int mof_target_node(const struct mof_query *q)
{
	nodemask_t allowed;
	int nid;

	nodes_and(allowed, *q->allowed, *q->memory);
	nid = mof_within(q, mof_wanted_node(q, &allowed), &allowed);
	return nid == q->page_nid ? NUMA_NO_NODE : nid;
}

/**
 * mof_follows_toucher() - does the target depend on who touches?
 * @mode: MPOL_* mode of the policy
 * @nodes: its nodes
 * @home_nid: its home node, NUMA_NO_NODE if it has none
 *
 * Context: any; takes no locks.
 * Return: false if every toucher gets the same answer from the policy, so that
 * a page that is in place need not be marked.
 */
bool mof_follows_toucher(unsigned short mode, const nodemask_t *nodes,
			 int home_nid)
{
	switch (mode) {
	case MPOL_PREFERRED:
	case MPOL_INTERLEAVE:
	case MPOL_WEIGHTED_INTERLEAVE:
		return false;
	case MPOL_BIND:
	case MPOL_PREFERRED_MANY:
		return home_nid == NUMA_NO_NODE && nodes_weight(*nodes) > 1;
	default:
		return true;
	}
}

/**
 * mof_window_pages() - how many pages does a fault resolve?
 * @run: resolved entries just before the one that faults
 * @max: vm.mof_window_pages
 *
 * The page table itself tells how far the current sweep has come. The pages
 * ahead may belong to another thread, and nothing repairs a page that went to
 * the wrong node. So a window is a small fraction of the run behind it: a sweep
 * that ends at the last page of an object takes less than 1/MOF_WINDOW_SHARE of
 * the object's size from the next one. At random there is no run, and each
 * fault moves one page.
 *
 * Context: any; takes no locks.
 * Return: number of pages from the faulting one on, 1 to @max.
 */
unsigned int mof_window_pages(unsigned int run, unsigned int max)
{
	return clamp(run / MOF_WINDOW_SHARE, 1U, max);
}
