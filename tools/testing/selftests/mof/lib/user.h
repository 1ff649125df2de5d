/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fixture for tests of unprivileged users.
 */
#ifndef _MOF_USER_H
#define _MOF_USER_H

#include "security.h"
#include "test.h"

#define LONGEST		"/sys/kernel/debug/sched/numa_balancing/lazy_period_max_ms"

/* An area of base pages on m.from, and counters before; tests begin as root. */
FIXTURE(user)
{
	struct machine m;
	struct area a;
	struct stats before;
	struct stats d;
	struct cgroup cg;	/* entered by the test, removed by its parent */
	long max_map_count;
	long longest;		/* maximum interval between two steps, in ms */
};

FIXTURE_SETUP(user)
{
	const char *why = machine_setup_lazy(&self->m);

	if (!why && geteuid())
		why = "needs root, to drop privileges";
	SKIP_SETUP(return, &self->m, why);
	self->max_map_count = read_long(MAX_MAP_COUNT);
	self->longest = read_long(LONGEST);
	ASSERT_EQ(0, area_begin(&self->a, AREA_PAGES, &self->m, &self->before));
}

FIXTURE_TEARDOWN_PARENT(user)
{
	cgroup_leave(&self->cg);
	if (self->longest > 0)
		write_long(LONGEST, self->longest);
	if (self->max_map_count > 0)
		write_long(MAX_MAP_COUNT, self->max_map_count);
	machine_restore(&self->m);
}

#endif /* _MOF_USER_H */
