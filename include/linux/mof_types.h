/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What migrate-on-fault keeps in structures of others.
 * See Documentation/mm/mof.rst.
 */
#ifndef _LINUX_MOF_TYPES_H
#define _LINUX_MOF_TYPES_H

struct mof_mm;

#ifdef CONFIG_MIGRATE_ON_FAULT
/* In struct mm_struct; NULL until the automatic mode first looks at it. */
#define MOF_MM_MEMBER	struct mof_mm *mof_mm
#else
#define MOF_MM_MEMBER
#endif

#endif /* _LINUX_MOF_TYPES_H */
