// SPDX-License-Identifier: GPL-2.0
/* The sysctl kernel.numa_balancing: who looks for misplaced memory. */
#include <errno.h>

#include "auto.h"

#define LAZY_VALUE	4

const char *const mode_names[NR_MODES] = { "off", "stock", "lazy", "current" };

static const int values[NR_MODES] = { 0, 1, LAZY_VALUE, 0 };

static struct knob balancing = {
	.path = "/proc/sys/kernel/numa_balancing", .fd = -1,
};

static bool not_allowed;

int balancing_get(void)
{
	return knob_get(&balancing);
}

void balancing_setup(void)
{
	not_allowed = balancing_get() >= 0 && knob_open(&balancing);
}

int balancing_set(enum mode mode)
{
	if (mode == MODE_CURRENT || !knob_set(&balancing, values[mode]))
		return 0;
	fprintf(stderr, "numa-bench: cannot set kernel.numa_balancing to %d: %m\n",
		values[mode]);
	return -1;
}

/*
 * A kernel without the automatic mode may accept its value all the same, and
 * then scans without moving anything: ask for a counter of that mode first.
 */
static const char *missing_lazy(void)
{
	int before = balancing.now, ret;

	if (!counters_known("mof_samples"))
		return "this kernel has no automatic mode (no mof_samples in /proc/vmstat)";
	ret = knob_set(&balancing, LAZY_VALUE);
	if (!ret)
		ret = knob_set(&balancing, before);
	if (!ret)
		return NULL;
	return errno == EINVAL ? "this kernel refuses kernel.numa_balancing=4" :
				 "kernel.numa_balancing cannot be set to 4 here";
}

/* Why the mode cannot be measured here, or NULL */
const char *balancing_missing(enum mode mode)
{
	if (mode == MODE_CURRENT)
		return NULL;
	if (balancing_get() < 0)
		return "this kernel has no kernel.numa_balancing; use --modes current";
	if (not_allowed)
		return "setting kernel.numa_balancing needs root; or use --modes current";
	return mode == MODE_LAZY ? missing_lazy() : NULL;
}
