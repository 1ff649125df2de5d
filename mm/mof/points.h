/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hold points: tests make a thread wait there, so that a race happens each time.
 * Empty without CONFIG_MIGRATE_ON_FAULT_DEBUG. See Documentation/mm/mof.rst.
 */
#ifndef _MM_MOF_POINTS_H
#define _MM_MOF_POINTS_H

#include <linux/jump_label.h>

/* X(NAME, name, threads may sleep), documented in Documentation/mm/mof.rst */
#define MOF_POINTS(X)			\
	X(MBIND, mbind, true)		\
	X(MARKED, marked, true)		\
	X(FAULT, fault, false)		\
	X(WALK, walk, false)		\
	X(CHOSEN, chosen, true)		\
	X(ALLOCATED, allocated, true)	\
	X(TAKEN, taken, false)		\
	X(UNMAPPED, unmapped, true)	\
	X(COPIED, copied, true)		\
	X(MAPPED, mapped, true)		\
	X(ISOLATED, isolated, true)	\
	X(MIGRATED, migrated, true)	\
	X(REFUSED, refused, true)	\
	X(TARGET, target, false)	\
	X(RESOLVED, resolved, true)	\
	X(PICKED, picked, true)		\
	X(SAMPLED, sampled, true)	\
	X(ARMING, arming, true)		\
	X(LEARNING, learning, false)

enum mof_point {
#define MOF_POINT_ENUM(NAME, name, sleeps) MOF_POINT_##NAME,
	MOF_POINTS(MOF_POINT_ENUM)
#undef MOF_POINT_ENUM
	MOF_NR_POINTS
};

#ifdef CONFIG_MIGRATE_ON_FAULT_DEBUG

DECLARE_STATIC_KEY_FALSE(mof_points_key);

void __mof_point(enum mof_point point);

/**
 * mof_point() - hold the thread here if a test has set this point
 * @point: the point
 *
 * Context: may sleep if MOF_POINTS says so.
 */
static inline void mof_point(enum mof_point point)
{
	if (static_branch_unlikely(&mof_points_key))
		__mof_point(point);
}

#else /* CONFIG_MIGRATE_ON_FAULT_DEBUG */

static inline void mof_point(enum mof_point point)
{
}

#endif /* CONFIG_MIGRATE_ON_FAULT_DEBUG */

#endif /* _MM_MOF_POINTS_H */
