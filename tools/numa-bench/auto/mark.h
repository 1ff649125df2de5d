/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tells the plugin numa-model what to count; does nothing where there is none.
 * A label is told bit by bit, since plugins see instructions and no registers.
 */
#ifndef NM_MARK_H
#define NM_MARK_H

#include <sys/cdefs.h>

#ifdef __x86_64__
#define PLUGIN_MARK(number) \
	({ asm volatile("nopl %c0(%%rax)" :: "i" (number) : "memory"); })
/* Ends what QEMU translates as one: the mark is known before what follows. */
#define PLUGIN_NEXT_BLOCK() \
	({ asm volatile("jmp 1f\n1:" ::: "memory"); })
#else
#define PLUGIN_MARK(number)	((void)(number))
#define PLUGIN_NEXT_BLOCK()	((void)0)
#endif

/* kprof: a section of the profile ends */
#define KPROF_MARK		0x4b504d4b

/* numa-model: a bit of the next section's label; it begins, it ends */
#define NUMA_MARK_0		0x4e4d0000
#define NUMA_MARK_1		0x4e4d0001
#define NUMA_MARK_START		0x4e4d0002
#define NUMA_MARK_STOP		0x4e4d0003

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
