// SPDX-License-Identifier: GPL-2.0
/*
 * The fuzzer: programs as text.
 */
#define _GNU_SOURCE
#include <stdio.h>

#include "../../kselftest.h"
#include "fuzz.h"

enum part {
	RANGE = 1,
	TO = 2,
	POLICY = 4,
	FLAGS = 8,
	CHOICE = 16,
	WHO = 32,
};

static const struct {
	const char *name;
	unsigned int parts;
} ops[NR_FUZZ_OPS] = {
	[FUZZ_WRITE] = { "write", RANGE },
	[FUZZ_CHECK] = { "check", RANGE },
	[FUZZ_TOUCH] = { "touch", RANGE | CHOICE | WHO },
	[FUZZ_CHASE] = { "touch always", RANGE | CHOICE | WHO },
	[FUZZ_HALT] = { "touch no more", 0 },
	[FUZZ_MBIND] = { "mbind", RANGE | POLICY | FLAGS },
	[FUZZ_SETTLE] = { "mbind, touch and look", RANGE | POLICY | WHO },
	[FUZZ_WRONG] = { "wrong mbind", RANGE | CHOICE },
	[FUZZ_TASK_POLICY] = { "set_mempolicy", POLICY },
	[FUZZ_ADVISE] = { "madvise", RANGE | CHOICE },
	[FUZZ_MAP] = { "mmap", RANGE },
	[FUZZ_UNMAP] = { "munmap", RANGE },
	[FUZZ_MOVE] = { "mremap: move", RANGE | TO | CHOICE },
	[FUZZ_GROW] = { "mremap: grow", RANGE },
	[FUZZ_SHRINK] = { "mremap: shrink", RANGE | TO },
	[FUZZ_PROTECT] = { "mprotect", RANGE | CHOICE },
	[FUZZ_LOCK] = { "mlock", RANGE },
	[FUZZ_UNLOCK] = { "munlock", RANGE },
	[FUZZ_SPLIT] = { "split THPs", RANGE },
	[FUZZ_RUN_ON] = { "sched_setaffinity", WHO },
	[FUZZ_FORK] = { "fork: the child", CHOICE | WHO },
	[FUZZ_JOIN] = { "wait for the child", 0 },
	[FUZZ_MOVE_PAGES] = { "move_pages", RANGE | WHO },
	[FUZZ_MIGRATE_PAGES] = { "migrate_pages", WHO },
	[FUZZ_BALANCING] = { "kernel.numa_balancing", CHOICE },
	[FUZZ_WINDOW] = { "vm.mof_window_pages", CHOICE },
	[FUZZ_WRONG_SYSCTL] = { "wrong sysctl", CHOICE },
};

const char *fuzz_kind_name(enum fuzz_kind kind)
{
	static const char * const names[NR_FUZZ_KINDS] = {
		[FUZZ_ANON] = "anonymous", [FUZZ_HUGE] = "huge",
		[FUZZ_SHARED] = "shared", [FUZZ_MEMFD] = "memfd",
		[FUZZ_FILE] = "file",
	};

	return names[kind];
}

static const char *mode_name(int mode)
{
	static const char * const names[] = {
		[MPOL_DEFAULT] = "DEFAULT", [MPOL_PREFERRED] = "PREFERRED",
		[MPOL_BIND] = "BIND", [MPOL_INTERLEAVE] = "INTERLEAVE",
		[MPOL_LOCAL] = "LOCAL", [MPOL_PREFERRED_MANY] = "PREFERRED_MANY",
	};

	return names[mode & ~FUZZ_MODE_FLAGS];
}

static void print_policy(const struct fuzz_call *c)
{
	printf(" %s", mode_name(c->mode));
	if (c->mode & FUZZ_MODE_FLAGS)
		printf("|%s", c->mode & MPOL_F_STATIC_NODES ? "STATIC_NODES" :
		       "NUMA_BALANCING");
	if (c->nodes)
		printf(" 0x%lx", c->nodes);
}

static void print_flags(unsigned int flags)
{
	printf(" %s%s%s", flags & MPOL_MF_MOVE_ALL ? "MOVE_ALL" :
	       flags & MPOL_MF_MOVE ? "MOVE" : "0",
	       flags & MPOL_MF_LAZY ? "|LAZY" : "",
	       flags & MPOL_MF_STRICT ? "|STRICT" : "");
}

static void print_call(const struct fuzz_program *p, long i)
{
	const struct fuzz_choice *choice;
	unsigned int parts;
	struct fuzz_call c;

	fuzz_call_make(p, i, &c);
	parts = ops[c.op].parts;
	choice = fuzz_choice(&c);
	printf("# %3ld %s", i, ops[c.op].name);
	if (parts & RANGE)
		printf(" area %d pages %ld-%ld", c.area, c.first,
		       c.first + c.pages - 1);
	if (parts & TO)
		printf(" to %ld", c.to);
	if (parts & POLICY)
		print_policy(&c);
	if (parts & FLAGS)
		print_flags(c.flags);
	if (parts & CHOICE && choice)
		printf(" %s", choice->name);
	if (parts & WHO)
		printf(" (%s node)", c.who ? "second" : "first");
	printf("\n");
}

/* The program as a list of calls. */
void fuzz_print(const struct fuzz_program *p)
{
	long i;

	printf("# program %llu:\n", (unsigned long long)p->seed);
	for (i = 0; i < FUZZ_AREAS; i++)
		printf("# area %ld: %s, room for %ld pages, bound to 0x%lx\n", i,
		       fuzz_kind_name(fuzz_area_kind(p, i)), fuzz_area_pages(p, i),
		       fuzz_area_bound(p, i));
	for (i = 0; i < p->ops; i++)
		print_call(p, i);
	fflush(stdout);
}
