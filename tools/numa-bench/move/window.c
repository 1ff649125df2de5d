// SPDX-License-Identifier: GPL-2.0
/* The sysctl vm.mof_window_pages: how many pages a fault may migrate. */
#include "numa-bench.h"

static struct knob window = {
	.path = "/proc/sys/vm/mof_window_pages", .fd = -1,
};

/* Pages, or WINDOW_NONE on a kernel without windows */
int window_get(void)
{
	return knob_get(&window);
}

static int cannot_set(void)
{
	fprintf(stderr,
		"numa-bench: --window: cannot set vm.mof_window_pages: %m; run as root, or with `--window default'\n");
	return NB_SKIP;
}

/* Finds out now, not after minutes, whether windows can be set. */
int window_setup(void)
{
	if (window_get() == WINDOW_NONE)
		return NB_OK;	/* the rows say so */
	return knob_open(&window) ? cannot_set() : NB_OK;
}

int window_set(int pages)
{
	if (!knob_set(&window, pages))
		return 0;
	cannot_set();
	return -1;
}
