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

/**
 * mof_policy_follows_toucher() - does @pol leave the target to the toucher?
 * @pol: the policy in force
 *
 * Context: any; takes no locks.
 * Return: false if pages that are in place need not be marked.
 */
bool mof_policy_follows_toucher(const struct mempolicy *pol)
{
	return mof_follows_toucher(mof_policy_mode(pol), &pol->nodes);
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
	struct mof_query q = {
		.mode = mof_policy_mode(pol),
		.nodes = &pol->nodes,
		.allowed = &cpuset_current_mems_allowed,
		.memory = &node_states[N_MEMORY],
		.touch_nid = numa_node_id(),
		.page_nid = page_nid,
		.interleave_nid = mof_interleave_nid(pol, ilx),
		.distance = mof_node_distance,
	};

	return mof_target_node(&q);
}

/**
 * mof_follows() - does the policy at an address leave the target to the toucher?
 * @vma: the area
 * @addr: address in it
 *
 * Context: mmap_lock or the VMA lock held.
 * Return: false if pages that are in place need not be marked.
 */
bool mof_follows(struct vm_area_struct *vma, unsigned long addr)
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
	*uniform = pol->mode != MPOL_INTERLEAVE &&
		   pol->mode != MPOL_WEIGHTED_INTERLEAVE &&
		   !(vma->vm_ops && vma->vm_ops->get_policy);
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
