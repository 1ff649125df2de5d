/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a guest executes to tell a plugin something: nopl NUMBER(%rax), which
 * does nothing on any x86-64 machine. On others it is no instruction at all.
 */
#ifndef PLUGIN_MARK_H
#define PLUGIN_MARK_H

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

#endif /* PLUGIN_MARK_H */
