// SPDX-License-Identifier: GPL-2.0
/*
 * Migrate-on-fault: puts the question of policy.c together from the policy in
 * force, the cpuset of the current task and the CPU it runs on.
 * See Documentation/mm/mof.rst.
 */
#include <linux/cpuset.h>
#include <linux/mempolicy.h>
#include <linux/topology.h>

#include "mof.h"

static int mof_node_distance(int from, int to)
{
	return node_distance(from, to);
}

static int mof_interleave_nid(struct mempolicy *pol, pgoff_t ilx)
{
	switch (pol->mode) {
	case MPOL_INTERLEAVE:
		return interleave_nid(pol, ilx);
	case MPOL_WEIGHTED_INTERLEAVE:
		return weighted_interleave_nid(pol, ilx);
	default:
		return NUMA_NO_NODE;
	}
}

/*
 * Who has set no policy gets one of the kernel's that prefers the node of the
 * CPU: what it means is the toucher's node.
 */
static unsigned short mof_policy_mode(const struct mempolicy *pol)
{
	if (pol->mode == MPOL_PREFERRED && (pol->flags & MPOL_F_MORON))
		return MPOL_LOCAL;
	return pol->mode;
}

static bool mof_policy_follows_toucher(const struct mempolicy *pol)
{
	return mof_follows_toucher(mof_policy_mode(pol), &pol->nodes,
				   pol->home_node);
}

/*
 * Where @pol wants a page that the current task touches, with all nodes of
 * @allowed to choose from.
 */
static int mof_ask(struct mempolicy *pol, pgoff_t ilx, int page_nid,
		   const nodemask_t *allowed)
{
	struct mof_query q = {
		.mode = mof_policy_mode(pol),
		.nodes = &pol->nodes,
		.allowed = allowed,
		.memory = &node_states[N_MEMORY],
		.touch_nid = numa_node_id(),
		.page_nid = page_nid,
		.home_nid = pol->home_node,
		.interleave_nid = mof_interleave_nid(pol, ilx),
		.distance = mof_node_distance,
	};

	return mof_target_node(&q);
}

/**
 * mof_policy_target() - where @pol wants a page that the current task touches
 * @pol: the policy in force
 * @ilx: interleave index of the page, from get_vma_policy()
 * @page_nid: the node that the page is on
 *
 * The cpuset may change while this reads it: nodes are added before others are
 * removed, so the mask is never empty, and the allocation of the destination
 * is not bound by more than the answer given here. As with any page that was
 * allocated just before, the cpuset's own migration deals with it.
 *
 * Context: any; with preemption disabled (a page table lock is held), the
 * toucher's node is that of the fault.
 * Return: the node to migrate the page to, NUMA_NO_NODE if it stays.
 */
int mof_policy_target(struct mempolicy *pol, pgoff_t ilx, int page_nid)
{
	return mof_ask(pol, ilx, page_nid, &cpuset_current_mems_allowed);
}

/**
 * mof_follows() - does the policy of some memory leave the target to the toucher?
 * @vma: the VMA
 * @addr: address in it
 *
 * Memory without a policy of its own follows that of the faulting task, which
 * need not be the policy of the current one.
 *
 * Context: mmap_lock or the VMA lock held.
 * Return: false if every faulting task gets the same answer from the policy, so
 * that pages in place need not be marked.
 */
bool mof_follows(struct vm_area_struct *vma, unsigned long addr)
{
	struct mempolicy *pol;
	bool follows;
	pgoff_t ilx;

	pol = __get_vma_policy(vma, addr, &ilx);
	follows = !pol || mof_policy_follows_toucher(pol);
	mpol_cond_put(pol);
	return follows;
}

/**
 * mof_follows_current() - mof_follows(), with the policy of the current task
 * @vma: the VMA
 * @addr: address in it
 *
 * Context: mmap_lock or the VMA lock held.
 * Return: false if the current task has one place only for each page.
 */
bool mof_follows_current(struct vm_area_struct *vma, unsigned long addr)
{
	struct mempolicy *pol;
	bool follows;
	pgoff_t ilx;

	pol = get_vma_policy(vma, addr, 0, &ilx);
	follows = mof_policy_follows_toucher(pol);
	mpol_cond_put(pol);
	return follows;
}

/**
 * mof_want_nid() - where the current task would want a page
 * @vma: the area
 * @addr: address of the page
 * @page_nid: the node that it is on
 *
 * Context: mmap_lock or the VMA lock held. The task may change its node at any
 * time: the answer is about the past.
 * Return: a node, @page_nid if the page is in place.
 */
int mof_want_nid(struct vm_area_struct *vma, unsigned long addr, int page_nid)
{
	struct mempolicy *pol;
	pgoff_t ilx;
	int nid;

	pol = get_vma_policy(vma, addr, 0, &ilx);
	nid = mof_policy_target(pol, ilx, page_nid);
	mpol_cond_put(pol);
	return nid == NUMA_NO_NODE ? page_nid : nid;
}

/* Do all pages of @vma that are on one node have the same target? */
static bool mof_is_uniform(struct vm_area_struct *vma,
			   const struct mempolicy *pol)
{
	return pol->mode != MPOL_INTERLEAVE &&
	       pol->mode != MPOL_WEIGHTED_INTERLEAVE &&
	       !(vma->vm_ops && vma->vm_ops->get_policy);
}

/**
 * mof_policy_in_place() - is a folio where the policy of its memory wants it?
 * @vma: the VMA
 * @addr: address of the folio in it; mof_follows() is false there
 * @folio: the folio
 * @uniform: set to whether the answer holds for all folios of @vma that are on
 *	     the same node
 *
 * Asks the policy alone: the cpuset of the current task need not be that of
 * the faulting one.
 *
 * Context: mmap_lock or the VMA lock held.
 * Return: true if no faulting task would have to migrate it.
 */
bool mof_policy_in_place(struct vm_area_struct *vma, unsigned long addr,
			 struct folio *folio, bool *uniform)
{
	struct mempolicy *pol;
	pgoff_t ilx;
	int nid;

	pol = get_vma_policy(vma, addr, folio_order(folio), &ilx);
	*uniform = mof_is_uniform(vma, pol);
	nid = mof_ask(pol, ilx, folio_nid(folio), &node_states[N_MEMORY]);
	mpol_cond_put(pol);
	return nid == NUMA_NO_NODE;
}

/**
 * mof_uniform_target() - mof_vma_target(), and for whom else it holds
 * @vma: the area
 * @addr: address of the folio in it
 * @folio: the folio mapped there
 * @uniform: set to whether all pages of @vma that are on the node of @folio
 *	     have the same target
 *
 * Context: page table lock held, and with it mmap_lock or the VMA lock.
 * Return: the node to migrate @folio to, NUMA_NO_NODE if it stays.
 */
int mof_uniform_target(struct vm_area_struct *vma, unsigned long addr,
		       struct folio *folio, bool *uniform)
{
	struct mempolicy *pol;
	pgoff_t ilx;
	int nid;

	pol = get_vma_policy(vma, addr, folio_order(folio), &ilx);
	*uniform = mof_is_uniform(vma, pol);
	nid = mof_policy_target(pol, ilx, folio_nid(folio));
	mpol_cond_put(pol);
	return nid;
}

/**
 * mof_vma_target() - where the policy in force at an address wants its folio
 * @vma: the area
 * @addr: address of the folio in it
 * @folio: the folio mapped there
 *
 * Context: page table lock held, and with it mmap_lock or the VMA lock.
 * Return: the node to migrate @folio to, NUMA_NO_NODE if it stays.
 */
int mof_vma_target(struct vm_area_struct *vma, unsigned long addr,
		   struct folio *folio)
{
	bool uniform;

	return mof_uniform_target(vma, addr, folio, &uniform);
}
