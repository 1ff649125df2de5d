// SPDX-License-Identifier: GPL-2.0
/*
 * known CPU NODE BYTES ROUNDS TO: make a known number of accesses in a guest, for
 * tests of the plugin. Runs on the CPU with memory bound to the node: loads each
 * line in each round, stores to each line once, and loads each line before and
 * after migrating the memory to node TO.
 */
#include <numaif.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "../../../numa-bench/auto/mark.h"

#define LINE		64
#define HUGE_BYTES	(2ul << 20)

static int bind_cpu(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	return sched_setaffinity(0, sizeof(cpus), &cpus);
}

/* Uses THPs: cache sets are then known, too. */
static char *memory_on(int node, size_t bytes)
{
	size_t room = bytes + HUGE_BYTES;
	unsigned long nodes = 1ul << node;
	char *area = mmap(NULL, room, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (area == MAP_FAILED ||
	    mbind(area, room, MPOL_BIND, &nodes, sizeof(nodes) * 8, 0) ||
	    madvise(area, room, MADV_HUGEPAGE))
		return NULL;
	area += -(uintptr_t)area % HUGE_BYTES;
	for (size_t i = 0; i < bytes; i += LINE)
		area[i] = 1;
	return area;
}

/* One access per iteration */
static void load_all(const char *area, size_t bytes, unsigned long rounds)
{
	const char *end = area + bytes;

	for (; rounds; rounds--) {
		const char *at = area;

		asm volatile("1: movb (%0), %%al\n\tadd %2, %0\n\t"
			     "cmp %1, %0\n\tjb 1b"
			     : "+r" (at) : "r" (end), "i" (LINE)
			     : "rax", "cc", "memory");
	}
}

static void store_all(char *area, size_t bytes)
{
	const char *end = area + bytes;

	asm volatile("1: movb $1, (%0)\n\tadd %2, %0\n\tcmp %1, %0\n\tjb 1b"
		     : "+r" (area) : "r" (end), "i" (LINE) : "cc", "memory");
}

/* mbind(2), without other accesses by this program */
static long move(char *area, size_t bytes, unsigned long nodes)
{
	register unsigned long max asm("r8") = sizeof(nodes) * 8;
	register unsigned long flags asm("r9") = MPOL_MF_MOVE | MPOL_MF_STRICT;
	register unsigned long *mask asm("r10") = &nodes;
	long ret;

	numa_mark_start("move");
	load_all(area, bytes, 1);
	asm volatile("syscall" : "=a" (ret)
		     : "a" (SYS_mbind), "D" (area), "S" (bytes),
		       "d" (MPOL_BIND), "r" (mask), "r" (max), "r" (flags)
		     : "rcx", "r11", "memory");
	load_all(area, bytes, 1);
	numa_mark_stop();
	return ret;
}

/* Sections contain only the loop. */
static void measure(char *area, size_t bytes, unsigned long rounds)
{
	numa_mark_start("nothing");
	numa_mark_stop();
	numa_mark_start("load");
	load_all(area, bytes, rounds);
	numa_mark_stop();
	numa_mark_start("store");
	store_all(area, bytes);
	numa_mark_stop();
}

int main(int argc, char **argv)
{
	size_t bytes;
	char *area;

	if (argc != 6) {
		fputs("known CPU NODE BYTES ROUNDS TO\n", stderr);
		return 2;
	}
	bytes = strtoul(argv[3], NULL, 0);
	if (bind_cpu(atoi(argv[1]))) {
		perror("sched_setaffinity");
		return 1;
	}
	area = memory_on(atoi(argv[2]), bytes);
	if (!area) {
		perror("mbind");
		return 1;
	}
	measure(area, bytes, strtoul(argv[4], NULL, 0));
	return move(area, bytes, 1ul << atoi(argv[5])) ? 1 : 0;
}
