/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Internal interfaces of migrate-on-fault. See Documentation/mm/mof.rst.
 *
 * Calls go one way: fault.c -> direct.c, generic.c -> policy.c, folio.c, core.c;
 * stock.c -> policy.c, folio.c; kernel/sched/mof.c -> sample.c -> mark.c ->
 * policy.c, folio.c; fault.c, stock.c, sample.c -> history.c -> extent.c.
 */
#ifndef _MM_MOF_MOF_H
#define _MM_MOF_MOF_H

#include <linux/mm.h>
#include <linux/mof.h>
#include <linux/mof_events.h>
#include <linux/nodemask.h>
#include <linux/sched/numa_balancing.h>
#include <linux/vm_event_item.h>

#include "points.h"

/*
 * A mark of ours carries a token in the folio's last_cpupid: "pid unset" with a
 * CPU number that no machine has. The highest is "CPU unset", the next five are
 * ours. Where such a CPU exists, a false match costs one early migration.
 */
enum mof_token {
	MOF_TOKEN_MOVE = 1,	/* migrate the folio if only this process maps it */
	MOF_TOKEN_MOVE_ALL,	/* migrate it even if others map it */
	MOF_TOKEN_MOVE_AGAIN,	/* MOVE, but it was busy at one touch */
	MOF_TOKEN_MOVE_ALL_AGAIN,
	MOF_TOKEN_SAMPLE,	/* learn which node uses it */
};

static inline int mof_token(enum mof_token token)
{
	return ((LAST__CPU_MASK - token) << LAST__PID_SHIFT) | LAST__PID_MASK;
}

/* Is it the token of a mark for migration? */
static inline bool mof_is_token(int cpupid)
{
	int token = LAST__CPU_MASK - (cpupid >> LAST__PID_SHIFT);

	return (cpupid & LAST__PID_MASK) == LAST__PID_MASK &&
	       token >= MOF_TOKEN_MOVE && token <= MOF_TOKEN_MOVE_ALL_AGAIN;
}

static inline bool mof_has_token(struct folio *folio)
{
	return !folio_use_access_time(folio) &&
	       mof_is_token(folio_last_cpupid(folio));
}

/* Was the folio busy at an earlier touch of this mark? */
static inline bool mof_is_again(int cpupid)
{
	return cpupid == mof_token(MOF_TOKEN_MOVE_AGAIN) ||
	       cpupid == mof_token(MOF_TOKEN_MOVE_ALL_AGAIN);
}

/* May the mark migrate folios that other processes map? */
static inline bool mof_moves_shared(int cpupid)
{
	return cpupid == mof_token(MOF_TOKEN_MOVE_ALL) ||
	       cpupid == mof_token(MOF_TOKEN_MOVE_ALL_AGAIN);
}

static inline bool mof_is_sample(int cpupid)
{
	return cpupid == mof_token(MOF_TOKEN_SAMPLE);
}

/* The token with which the automatic mode arms extents of this VMA. */
static inline enum mof_token mof_arm_token(struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_SHARED ? MOF_TOKEN_MOVE_ALL : MOF_TOKEN_MOVE;
}

/* core.c */
#define MOF_WINDOW_MAX	512	/* pages that one fault resolves at most */
#define MOF_WINDOW_SHARE 32	/* a window is 1/32 of its run */
extern unsigned int sysctl_mof_window_pages;

void mof_enable(void);
void mof_count(struct mm_struct *mm, enum vm_event_item item, unsigned long nr);
void mof_count_resolved(struct mm_struct *mm, enum mof_outcome outcome,
			unsigned long nr_pages);

/* policy.c */

/**
 * struct mof_query - everything that decides where a page should go
 * @mode: MPOL_* mode of the policy in force
 * @nodes: nodes of that policy; ignored for MPOL_LOCAL
 * @allowed: nodes that the cpuset of the faulting task allows
 * @memory: nodes that have memory
 * @cpu_nid: node of the faulting CPU
 * @page_nid: node of the page
 * @home_nid: home node of the policy, NUMA_NO_NODE if it has none
 * @interleave_nid: node that an interleaving policy gives this offset
 * @distance: distance of two nodes, as node_distance()
 */
struct mof_query {
	unsigned short mode;
	const nodemask_t *nodes;
	const nodemask_t *allowed;
	const nodemask_t *memory;
	int cpu_nid;
	int page_nid;
	int home_nid;
	int interleave_nid;
	int (*distance)(int from, int to);
};

int mof_target_node(const struct mof_query *q);
bool mof_mode_varies(unsigned short mode, const nodemask_t *nodes, int home_nid);
unsigned int mof_window_pages(unsigned int run, unsigned int max);
int mof_target(struct vm_area_struct *vma, unsigned long addr,
	       unsigned int order, int page_nid, bool *uniform);
bool mof_in_place(struct vm_area_struct *vma, unsigned long addr,
		  struct folio *folio, bool *uniform);
bool mof_target_varies(struct vm_area_struct *vma, unsigned long addr,
		       struct task_struct *task);

/* folio.c */

/* The folio of a hinting entry, if its last_cpupid can hold a token. */
static inline struct folio *mof_hinting_folio(struct vm_area_struct *vma,
					      unsigned long addr, pte_t pte)
{
	struct folio *folio;
	struct page *page;

	if (!pte_present(pte) || !pte_protnone(pte))
		return NULL;
	page = vm_normal_page(vma, addr, pte);
	if (!page || is_zone_device_page(page))
		return NULL;
	folio = page_folio(page);
	return folio_use_access_time(folio) ? NULL : folio;
}

/**
 * mof_marked_folio() - the folio of an entry that is marked for migration
 * @vma: the VMA
 * @addr: address in it
 * @pte: entry of that address
 *
 * Folios whose last_cpupid holds an access time have no token:
 * __mof_numa_target() decides about them.
 *
 * Context: page table lock held.
 * Return: the folio, NULL if the entry is not marked by us.
 */
static inline struct folio *mof_marked_folio(struct vm_area_struct *vma,
					     unsigned long addr, pte_t pte)
{
	struct folio *folio = mof_hinting_folio(vma, addr, pte);

	return folio && mof_has_token(folio) ? folio : NULL;
}

/* The folio of an entry that is a sample of the automatic mode. */
static inline struct folio *mof_sampled_folio(struct vm_area_struct *vma,
					      unsigned long addr, pte_t pte)
{
	struct folio *folio = mof_hinting_folio(vma, addr, pte);

	return folio && mof_is_sample(folio_last_cpupid(folio)) ? folio : NULL;
}

bool mof_folio_can_migrate(struct folio *folio);
bool mof_file_stays(struct vm_area_struct *vma, struct folio *folio);
enum mof_outcome mof_may_move(struct folio *folio, int last_cpupid);
bool mof_is_busy(struct folio *folio);
bool mof_isolate(struct folio *folio);
bool mof_touch_again(struct folio *folio, int last_cpupid);
bool mof_node_is_full(int nid, unsigned int nr_pages, unsigned int order);
bool mof_all_writable(struct vm_area_struct *vma);
bool mof_may_write(struct vm_area_struct *vma, unsigned long addr, pte_t pte);
void mof_map(struct vm_area_struct *vma, unsigned long addr, pte_t *ptep,
	     bool accessed);

/* direct.c, generic.c: the paths of a fault */

/**
 * struct mof_window - what a fault resolves: part of a page table
 * @vma: the VMA
 * @pmd: entry of the page table
 * @fault_addr: address of the faulting page, where the window starts
 * @end: its end
 * @max: limit in pages, from vm.mof_window_pages
 * @hinting: hinting entries in it
 * @page_nid: node of the faulting page
 * @target_nid: node that it goes to, NUMA_NO_NODE if it is in place
 * @uniform: all pages on @page_nid have the target @target_nid
 * @writable: all pages that are exclusive to @vma may be mapped writable
 * @moved: base pages migrated so far
 * @windowed: those of them that are not part of the faulting folio
 */
struct mof_window {
	struct vm_area_struct *vma;
	pmd_t *pmd;
	unsigned long fault_addr;
	unsigned long end;
	unsigned int max;
	unsigned int hinting;
	int page_nid;
	int target_nid;
	bool uniform;
	bool writable;
	unsigned int moved;
	unsigned int windowed;
};

/* Does the folio of a marked entry have the target of the window? */
static inline bool mof_same_target(const struct mof_window *w,
				   unsigned long addr, struct folio *folio)
{
	int nid = folio_nid(folio);

	return (w->uniform && nid == w->page_nid) ||
	       mof_target(w->vma, addr, folio_order(folio), nid,
			  NULL) == w->target_nid;
}

/**
 * mof_direct_can() - may the direct path take this folio?
 * @folio: folio that a hinting entry maps
 *
 * With one mapping and only its reference, the folio is neither pinned nor in the
 * swap cache, isolated or in an LRU batch. Only a snapshot: mof_direct() decides
 * once it has frozen the reference count.
 *
 * Context: page table lock held.
 * Return: true for an anonymous base page that is exclusive to this mapping.
 */
static inline bool mof_direct_can(struct folio *folio)
{
	return !folio_test_large(folio) && folio_test_anon(folio) &&
	       folio_ref_count(folio) == 1 && !folio_test_unevictable(folio) &&
	       PageAnonExclusive(&folio->page) && !PageHWPoison(&folio->page);
}

bool mof_direct(struct mof_window *w);
bool mof_generic(struct mof_window *w);

/* mark.c */
bool mof_vma_can_migrate(struct vm_area_struct *vma);
unsigned int mof_mark_part(struct vm_area_struct *vma, pmd_t *pmd,
			   unsigned long start, unsigned long end,
			   enum mof_token token);

/* history.c */
bool mof_learn(struct vm_area_struct *vma, unsigned long addr, int *page_nid,
	       int want_nid, int *last_cpupid);
bool mof_sample_armed(struct vm_area_struct *vma, unsigned long addr);
void mof_note_fault(struct mm_struct *mm);

#endif /* _MM_MOF_MOF_H */
