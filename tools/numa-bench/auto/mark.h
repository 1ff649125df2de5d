/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tells the plugin numa-model what to count; does nothing where there is none.
 * A label is told bit by bit, since plugins see instructions and no registers.
 */
#ifndef NM_MARK_H
#define NM_MARK_H

#include <sys/cdefs.h>

#include "qemu-mark.h"

/* Counting begins, in a section of that label: up to 79 characters */
static __always_inline void numa_mark_start(const char *label)
{
	for (; *label; label++)
		for (int bit = 7; bit >= 0; bit--) {
			if (*label >> bit & 1)
				PLUGIN_MARK(NUMA_MARK_1);
			else
				PLUGIN_MARK(NUMA_MARK_0);
		}
	PLUGIN_MARK(NUMA_MARK_START);
	PLUGIN_NEXT_BLOCK();
}

/* It ends */
static __always_inline void numa_mark_stop(void)
{
	PLUGIN_MARK(NUMA_MARK_STOP);
}

#endif /* NM_MARK_H */
