/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Marks for QEMU plugins: instructions without effect that a plugin recognises. A
 * guest executes nopl NUMBER(%rax), which exists on all x86-64 CPUs; other
 * architectures have no marks.
 *
 * A label is encoded bit by bit, since plugins see instructions but no registers.
 */
#ifndef NM_MARK_H
#define NM_MARK_H

#include <sys/cdefs.h>

#ifdef __x86_64__
#define PLUGIN_MARK(number) \
	({ asm volatile("nopl %c0(%%rax)" :: "i" (number) : "memory"); })
/* Ends the translation block, so that the mark takes effect before later code. */
#define PLUGIN_NEXT_BLOCK() \
	({ asm volatile("jmp 1f\n1:" ::: "memory"); })
#else
#define PLUGIN_MARK(number)	((void)(number))
#define PLUGIN_NEXT_BLOCK()	((void)0)
#endif

/* kprof: ends a section of the profile */
#define KPROF_MARK		0x4b504d4b

/* numa-model: bits of the label; start and end of a section */
#define NUMA_MARK_0		0x4e4d0000
#define NUMA_MARK_1		0x4e4d0001
#define NUMA_MARK_START		0x4e4d0002
#define NUMA_MARK_STOP		0x4e4d0003

/* Starts a section; the label has up to 79 characters. */
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

/* Ends the section. */
static __always_inline void numa_mark_stop(void)
{
	PLUGIN_MARK(NUMA_MARK_STOP);
}

#endif /* NM_MARK_H */
