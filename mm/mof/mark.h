/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Marking what somebody picks, extent by extent, instead of a whole range.
 * See Documentation/mm/mof.rst.
 */
#ifndef _MM_MOF_MARK_H
#define _MM_MOF_MARK_H

#include <linux/mm.h>

#include "mof.h"

/* What is to be done with an extent. */
enum mof_pick {
	MOF_PICK_SKIP,
	MOF_PICK_MARK,
	MOF_PICK_MORE,		/* mark it, and ask again */
	MOF_PICK_STOP,		/* end the walk before it */
};

/**
 * struct mof_range - the part of an extent that is to be marked
 * @start: its start, page aligned
 * @end: its end, page aligned
 * @token: what tells a fault whose mark it is
 */
struct mof_range {
	unsigned long start;
	unsigned long end;
	enum mof_token token;
};

/**
 * struct mof_picker - who says what is to be marked
 * @pick: asked for each extent that has a page table or a THP. On entry, the
 *	  range is the part of the extent that the walk is about; it may only be
 *	  made smaller, not for a THP. Called with mmap_lock held for reading; may
 *	  sleep.
 * @marked: base pages marked so far
 * @entries: the same in PTEs and PMDs
 * @samples: those of them that are samples
 */
struct mof_picker {
	enum mof_pick (*pick)(struct mof_picker *picker,
			      struct vm_area_struct *vma, pmd_t *pmd,
			      struct mof_range *r);
	unsigned long marked;
	unsigned long entries;
	unsigned int samples;
};

int mof_mark_picked(struct mm_struct *mm, unsigned long start,
		    unsigned long end, struct mof_picker *picker);
bool mof_vma_can_migrate(struct vm_area_struct *vma);
bool mof_folio_can_migrate(struct folio *folio);

#endif /* _MM_MOF_MARK_H */
