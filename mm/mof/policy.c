// SPDX-License-Identifier: GPL-2.0
/*
 * Migrate-on-fault: where should this page go? The decisions are pure functions
 * of a query, so that KUnit can test each of them; the functions behind them put
 * the query together from the policy in force, the cpuset of the current task
 * and the CPU it runs on. See Documentation/mm/mof.rst.
 */
#include <linux/cpuset.h>
#include <linux/mempolicy.h>
#include <linux/topology.h>

#include "mof.h"

/*
 * The node of @mask nearest to @from. Among equally near ones the page's own node
 * wins, so that no page moves without a gain, then the lowest.
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

/**
 * mof_target_node() - where should this page go?
 * @q: the query
 *
 * ============================  ==============================================
 * policy in force               target
 * ============================  ==============================================
 * default, local                the node of the faulting CPU
 * preferred                     that node
 * bind, preferred-many          the CPU's node if it is in the mask; else the
 *                               page stays if its node is; else the nearest
 * the same with a home node     the node of the mask nearest to the home node,
 *                               where allocation would put the page
 * (weighted) interleave         the node that the policy gives this offset
 * ============================  ==============================================
 *
 * A CPU whose node has no memory counts as one of the nearest node with memory.
 * If the cpuset does not allow the target, the page stays if its node is
 * allowed; else it goes to the nearest allowed node.
 *
 * Context: any; takes no locks.
 * Return: the node to migrate the page to, NUMA_NO_NODE if it stays.
 */
int mof_target_node(const struct mof_query *q)
{
	nodemask_t allowed, mask;
	int nid = q->cpu_nid;

	nodes_and(allowed, *q->allowed, *q->memory);
	if (!node_isset(nid, *q->memory))
		nid = mof_nearest(q, nid, q->memory);

	mask = allowed;
	switch (q->mode) {
	case MPOL_PREFERRED:
		nid = first_node(*q->nodes);
		break;
	case MPOL_BIND:
	case MPOL_PREFERRED_MANY:
		nodes_and(mask, *q->nodes, allowed);
		if (q->home_nid != NUMA_NO_NODE)
			nid = mof_nearest(q, q->home_nid, &mask);
		if (nodes_empty(mask)) {
			nid = NUMA_NO_NODE;
			mask = allowed;
		}
		break;
	case MPOL_INTERLEAVE:
	case MPOL_WEIGHTED_INTERLEAVE:
		nid = q->interleave_nid;
		break;
	}
	if (nid == NUMA_NO_NODE || !node_isset(nid, mask)) {
		nid = q->page_nid;
		if (!node_isset(nid, mask))
			nid = mof_nearest(q, q->cpu_nid, &mask);
	}
	return nid == q->page_nid ? NUMA_NO_NODE : nid;
}

/**
 * mof_mode_varies() - does the target depend on the faulting CPU?
 * @mode: MPOL_* mode of the policy
 * @nodes: its nodes
 * @home_nid: its home node, NUMA_NO_NODE if it has none
 *
 * Context: any; takes no locks.
 * Return: false if the policy has the same answer for every CPU, so that a page
 * in place need not be marked.
 */
bool mof_mode_varies(unsigned short mode, const nodemask_t *nodes, int home_nid)
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
 * @run: resolved entries just before the faulting one
 * @max: vm.mof_window_pages
 *
 * The page table itself tells how far the current sweep has come. The pages
 * ahead may belong to another thread, and nothing repairs a page that went to
 * the wrong node, so a window is a small fraction of the run behind it: a sweep
 * that ends at the last page of an object takes less than 1/MOF_WINDOW_SHARE of
 * the object's size from the next one. Random accesses have no run, and each
 * fault moves one page.
 *
 * Context: any; takes no locks.
 * Return: number of pages from the faulting one on, 1 to @max.
 */
unsigned int mof_window_pages(unsigned int run, unsigned int max)
{
	return clamp(run / MOF_WINDOW_SHARE, 1U, max);
}

/*
 * A task without a policy gets the kernel's own, which prefers the node of its
 * CPU at the time: in effect MPOL_LOCAL.
 */
static unsigned short mof_policy_mode(const struct mempolicy *pol)
{
	if (pol->mode == MPOL_PREFERRED && (pol->flags & MPOL_F_MORON))
		return MPOL_LOCAL;
	return pol->mode;
}

static int mof_node_distance(int from, int to)
{
	return node_distance(from, to);
}

/*
 * Put the query for a page together and answer it. @uniform, if not NULL, is set
 * to whether all pages of @vma on the same node have the same target.
 */
static int mof_query_policy(struct vm_area_struct *vma, unsigned long addr,
			    unsigned int order, int page_nid,
			    const nodemask_t *allowed, bool *uniform)
{
	struct mof_query q = {
		.allowed = allowed,
		.memory = &node_states[N_MEMORY],
		.cpu_nid = numa_node_id(),
		.page_nid = page_nid,
		.interleave_nid = NUMA_NO_NODE,
		.distance = mof_node_distance,
	};
	struct mempolicy *pol;
	bool interleaved;
	pgoff_t ilx;
	int nid;

	pol = get_vma_policy(vma, addr, order, &ilx);
	interleaved = pol->mode == MPOL_INTERLEAVE ||
		      pol->mode == MPOL_WEIGHTED_INTERLEAVE;
	q.mode = mof_policy_mode(pol);
	q.nodes = &pol->nodes;
	q.home_nid = pol->home_node;
	if (interleaved)
		q.interleave_nid = mof_interleave_nid(pol, ilx);
	if (uniform)
		*uniform = !interleaved &&
			   !(vma->vm_ops && vma->vm_ops->get_policy);
	nid = mof_target_node(&q);
	mpol_cond_put(pol);
	return nid;
}

/**
 * mof_target() - where does the policy in force want a page?
 * @vma: the VMA
 * @addr: address of the page in it
 * @order: order of its folio
 * @page_nid: node that it is on
 * @uniform: if not NULL, set to whether the answer holds for all pages of @vma
 *	     that are on @page_nid
 *
 * For an access by the current task on this CPU. The cpuset may change
 * concurrently: nodes are added before others are removed, so the mask is never
 * empty, and the cpuset's own migration deals with the page as with any that was
 * allocated just before.
 *
 * Context: mmap_lock or the VMA lock held. With preemption disabled (a page
 * table lock is held), the CPU is that of the fault.
 * Return: the node to migrate the page to, NUMA_NO_NODE if it stays.
 */
int mof_target(struct vm_area_struct *vma, unsigned long addr,
	       unsigned int order, int page_nid, bool *uniform)
{
	return mof_query_policy(vma, addr, order, page_nid,
				&cpuset_current_mems_allowed, uniform);
}

/**
 * mof_in_place() - is a folio where the policy of its memory wants it?
 * @vma: the VMA; mof_target_varies() is false at @addr
 * @addr: address of the folio in it
 * @folio: the folio
 * @uniform: set to whether the answer holds for all folios of @vma that are on
 *	     the same node
 *
 * The cpuset of the current task does not matter: it need not be that of the
 * faulting task.
 *
 * Context: mmap_lock or the VMA lock held.
 * Return: true if no faulting task would have to migrate it.
 */
bool mof_in_place(struct vm_area_struct *vma, unsigned long addr,
		  struct folio *folio, bool *uniform)
{
	return mof_query_policy(vma, addr, folio_order(folio), folio_nid(folio),
				&node_states[N_MEMORY],
				uniform) == NUMA_NO_NODE;
}

/**
 * mof_target_varies() - does the target of some memory depend on the CPU?
 * @vma: the VMA
 * @addr: address in it
 * @task: the task whose policy applies to memory without a policy of its own;
 *	  NULL if that may be any
 *
 * Context: mmap_lock or the VMA lock held.
 * Return: false if every faulting task, or @task on every CPU, gets the same
 * answer from the policy.
 */
bool mof_target_varies(struct vm_area_struct *vma, unsigned long addr,
		       struct task_struct *task)
{
	struct mempolicy *pol;
	bool varies;
	pgoff_t ilx;

	pol = __get_vma_policy(vma, addr, &ilx);
	if (!pol && task)
		pol = get_task_policy(task);
	varies = !pol || mof_mode_varies(mof_policy_mode(pol), &pol->nodes,
					 pol->home_node);
	mpol_cond_put(pol);
	return varies;
}
