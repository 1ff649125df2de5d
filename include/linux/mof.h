/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Migrate-on-fault: the hooks that the rest of the kernel calls, gated by a
 * static key, and their stubs. For the design see Documentation/mm/mof.rst,
 * for its use Documentation/admin-guide/mm/mof.rst.
 */
#ifndef _LINUX_MOF_H
#define _LINUX_MOF_H

#include <linux/mempolicy.h>
#include <linux/mm.h>
#include <linux/sched/numa_balancing.h>
#include <linux/sched/sysctl.h>
#include <linux/seq_file.h>

#ifdef CONFIG_MIGRATE_ON_FAULT

#include <linux/jump_label.h>

/* mm/mempolicy.c */
unsigned int mof_interleave_nid(struct mempolicy *pol, pgoff_t ilx);

DECLARE_STATIC_KEY_FALSE(mof_key);

/**
 * mof_enabled() - was memory ever marked for migration on fault?
 *
 * Return: false from boot until the first use, true from then on.
 */
static inline bool mof_enabled(void)
{
	return static_branch_unlikely(&mof_key);
}

/**
 * mof_mbind_invalid() - are these flags of mbind(2) invalid?
 * @flags: the flags of the call
 *
 * MPOL_MF_LAZY modifies MPOL_MF_MOVE and MPOL_MF_MOVE_ALL; alone it has no
 * meaning.
 *
 * Return: true if there is an unknown flag, or MPOL_MF_LAZY without either.
 */
static inline bool mof_mbind_invalid(unsigned long flags)
{
	if (flags & ~(unsigned long)(MPOL_MF_VALID | MPOL_MF_LAZY))
		return true;
	return (flags & MPOL_MF_LAZY) &&
	       !(flags & (MPOL_MF_MOVE | MPOL_MF_MOVE_ALL));
}

/**
 * mof_mbind_take() - take a lazy request out of the flags of mbind(2)
 * @flags: valid flags; if they contain MPOL_MF_LAZY, all flags about pages are
 *	   removed: mbind(2) then checks the range and installs the policy, but
 *	   neither drains, isolates nor migrates anything
 *
 * Return: the removed flags, for mof_mbind(); 0 if the request is not lazy.
 */
static inline unsigned long mof_mbind_take(unsigned long *flags)
{
	unsigned long lazy;

	if (!(*flags & MPOL_MF_LAZY))
		return 0;
	lazy = *flags & (MPOL_MF_VALID | MPOL_MF_LAZY);
	*flags &= ~lazy;
	return lazy;
}

bool mof_setup_balancing(const char *str);

long mof_mbind(struct mm_struct *mm, unsigned long start, unsigned long end,
	       unsigned long lazy);

int __mof_numa_target(struct folio *folio, struct vm_fault *vmf,
		      unsigned long addr, int *flags, int *last_cpupid);

/**
 * mof_numa_target() - where should the folio of a hinting fault go?
 * @folio: folio that the hinting entry maps
 * @vmf: the fault
 * @addr: virtual address of the page, or of the start of the THP
 * @flags: TNF_* flags of the fault; TNF_MOF is added if the mark is ours
 * @last_cpupid: last_cpupid of the folio for task_numa_fault(); a token of ours
 *		 is replaced by "unset"
 *
 * The policy in force decides for marks of ours, mpol_misplaced() for all others.
 *
 * Context: page table lock of @vmf held.
 * Return: the node to migrate @folio to, NUMA_NO_NODE if it stays.
 */
static inline int mof_numa_target(struct folio *folio, struct vm_fault *vmf,
				  unsigned long addr, int *flags,
				  int *last_cpupid)
{
	if (mof_enabled())
		return __mof_numa_target(folio, vmf, addr, flags, last_cpupid);
	return mpol_misplaced(folio, vmf, addr);
}

bool __mof_fault(struct vm_fault *vmf);

/**
 * mof_fault() - serve a hinting fault on a PTE that is marked by us
 * @vmf: the fault; @vmf->pte is mapped, its page table lock not held
 *
 * Context: mmap_lock or the VMA lock held for reading; may sleep.
 * Return: true if the fault is done, with @vmf->pte unmapped; false if
 * do_numa_page() should handle it, with @vmf->pte mapped.
 */
static inline bool mof_fault(struct vm_fault *vmf)
{
	return mof_enabled() && __mof_fault(vmf);
}

void __mof_account(struct vm_fault *vmf, int target_nid, int nr_pages,
		   int flags);

/**
 * mof_account() - count the outcome of a hinting fault on a mark of ours
 * @vmf: the fault
 * @target_nid: node that mof_numa_target() returned
 * @nr_pages: base pages of the folio
 * @flags: TNF_* flags of the fault
 *
 * Context: any that may take a fault; no locks needed.
 */
static inline void mof_account(struct vm_fault *vmf, int target_nid,
			       int nr_pages, int flags)
{
	if (mof_enabled() && (flags & TNF_MOF))
		__mof_account(vmf, target_nid, nr_pages, flags);
}

void __mof_huge(struct vm_fault *vmf, struct folio *folio, int target_nid,
		int flags, int last_cpupid);

/**
 * mof_huge() - serve a hinting fault on a THP that is marked by us
 * @vmf: the fault
 * @folio: the THP
 * @target_nid: node that mof_numa_target() returned, not NUMA_NO_NODE
 * @flags: TNF_* flags of the fault
 * @last_cpupid: last_cpupid that mof_numa_target() has set
 *
 * Context: page table lock of @vmf held, dropped if true is returned; may sleep.
 * Return: true if the fault is done; false if the mark is not ours.
 */
static inline bool mof_huge(struct vm_fault *vmf, struct folio *folio,
			    int target_nid, int flags, int last_cpupid)
{
	if (!mof_enabled() || !(flags & TNF_MOF))
		return false;
	__mof_huge(vmf, folio, target_nid, flags, last_cpupid);
	__release(vmf->ptl);
	return true;
}

/**
 * mof_hinted_pte() - is this a hinting entry?
 * @pte: a present PTE
 *
 * Entries of inaccessible VMAs look the same: see mof_show_hinted().
 *
 * Return: number of hinting base pages, 0 or 1.
 */
static inline unsigned long mof_hinted_pte(pte_t pte)
{
	return pte_protnone(pte);
}

/**
 * mof_hinted_pmd() - is this a hinting entry of a THP?
 * @pmd: a present huge PMD
 *
 * Return: number of hinting base pages, 0 or HPAGE_PMD_NR.
 */
static inline unsigned long mof_hinted_pmd(pmd_t pmd)
{
	return pmd_protnone(pmd) ? PMD_SIZE / PAGE_SIZE : 0;
}

/**
 * mof_show_hinted() - print hinted= in /proc/PID/numa_maps
 * @m: the file
 * @vma: the VMA of the line
 * @hinted: number of hinting entries in it, in base pages
 */
static inline void mof_show_hinted(struct seq_file *m,
				   struct vm_area_struct *vma,
				   unsigned long hinted)
{
	if (hinted && vma_is_accessible(vma))
		seq_printf(m, " hinted=%lu", hinted);
}

void __mof_mm_exit(struct mm_struct *mm);

/* State of the automatic mode, allocated on first use */
static inline void mof_mm_init(struct mm_struct *mm)
{
	mm->mof_mm = NULL;
}

/**
 * mof_mm_exit() - free the state of the automatic mode
 * @mm: the address space, without users
 */
static inline void mof_mm_exit(struct mm_struct *mm)
{
	if (mm->mof_mm)
		__mof_mm_exit(mm);
}

/* Is the automatic mode on? Pairs with the sysctl; may be stale. */
static inline bool mof_automatic(void)
{
	return READ_ONCE(sysctl_numa_balancing_mode) & NUMA_BALANCING_LAZY;
}

#else /* CONFIG_MIGRATE_ON_FAULT */

static inline bool mof_enabled(void)
{
	return false;
}

static inline bool mof_mbind_invalid(unsigned long flags)
{
	return flags & ~(unsigned long)MPOL_MF_VALID;
}

static inline unsigned long mof_mbind_take(unsigned long *flags)
{
	return 0;
}

static inline bool mof_setup_balancing(const char *str)
{
	return false;
}

static inline long mof_mbind(struct mm_struct *mm, unsigned long start,
			     unsigned long end, unsigned long lazy)
{
	return 0;
}

static inline int mof_numa_target(struct folio *folio, struct vm_fault *vmf,
				  unsigned long addr, int *flags,
				  int *last_cpupid)
{
	return mpol_misplaced(folio, vmf, addr);
}

static inline bool mof_fault(struct vm_fault *vmf)
{
	return false;
}

static inline void mof_account(struct vm_fault *vmf, int target_nid,
			       int nr_pages, int flags)
{
}

static inline bool mof_huge(struct vm_fault *vmf, struct folio *folio,
			    int target_nid, int flags, int last_cpupid)
{
	return false;
}

static inline unsigned long mof_hinted_pte(pte_t pte)
{
	return 0;
}

static inline unsigned long mof_hinted_pmd(pmd_t pmd)
{
	return 0;
}

static inline void mof_show_hinted(struct seq_file *m,
				   struct vm_area_struct *vma,
				   unsigned long hinted)
{
}

static inline void mof_mm_init(struct mm_struct *mm)
{
}

static inline void mof_mm_exit(struct mm_struct *mm)
{
}

#endif /* CONFIG_MIGRATE_ON_FAULT */

#endif /* _LINUX_MOF_H */
