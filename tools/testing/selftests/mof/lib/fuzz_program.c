// SPDX-License-Identifier: GPL-2.0
/*
 * The fuzzer: generates programs from seeds, and prints them.
 */
#include <stdio.h>
#include <sys/mman.h>

#include "fuzz.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE		25
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE	23
#endif

#define FEW_PAGES		16	/* approximately, in areas other than the first */

static const struct fuzz_choice advice[] = {
	{ "DONTNEED", MADV_DONTNEED }, { "FREE", MADV_FREE },
	{ "REMOVE", MADV_REMOVE }, { "PAGEOUT", MADV_PAGEOUT },
	{ "COLD", MADV_COLD }, { "COLLAPSE", MADV_COLLAPSE },
	{ "HUGEPAGE", MADV_HUGEPAGE }, { "NOHUGEPAGE", MADV_NOHUGEPAGE },
	{ "MERGEABLE", MADV_MERGEABLE }, { "UNMERGEABLE", MADV_UNMERGEABLE },
	{ "WILLNEED", MADV_WILLNEED }, { "POPULATE_WRITE", MADV_POPULATE_WRITE },
};

static const struct fuzz_choice protections[] = {
	{ "NONE", PROT_NONE }, { "READ", PROT_READ },
	{ "READ|WRITE", PROT_READ | PROT_WRITE },
	{ "READ|WRITE", PROT_READ | PROT_WRITE },
};

static const struct fuzz_choice touches[] = { { "read", 0 }, { "write", 1 } };

static const struct fuzz_choice moves[] = { { "", 0 }, { "DONTUNMAP", 1 } };

static const struct fuzz_choice forks[] = { { "waits", 0 }, { "goes on", 1 } };

static const struct fuzz_choice mistakes[] = {
	{ "LAZY alone", 0 }, { "LAZY|STRICT", 1 }, { "an unknown flag", 2 },
	{ "an unknown mode", 3 }, { "BIND without nodes", 4 },
	{ "DEFAULT with a node", 5 }, { "an address between pages", 6 },
};

static const struct fuzz_choice balancing[] = {
	{ "0", 0 }, { "1", 1 }, { "4", 4 },
};

static const struct fuzz_choice windows[] = {
	{ "0", 0 }, { "1", 1 }, { "7", 7 }, { "48", 48 }, { "512", 512 },
};

static const struct fuzz_choice wrong_sysctls[] = {
	{ "vm.mof_window_pages = -1", -1 }, { "vm.mof_window_pages = 513", 513 },
	{ "kernel.numa_balancing = 5", 5 }, { "kernel.numa_balancing = 6", 6 },
};

/* Parts of a call that are printed */
enum part {
	RANGE = 1,
	TO = 2,
	POLICY = 4,
	FLAGS = 8,
	CHOICE = 16,
	WHO = 32,
};

/* @weight: relative frequency; some operations take long */
static const struct {
	const char *name;
	int weight;
	unsigned int parts;
} ops[NR_FUZZ_OPS] = {
	[FUZZ_WRITE] = { "write", 40, RANGE },
	[FUZZ_CHECK] = { "check", 28, RANGE },
	[FUZZ_TOUCH] = { "touch", 28, RANGE | CHOICE | WHO },
	[FUZZ_CHASE] = { "touch always", 8, RANGE | CHOICE | WHO },
	[FUZZ_HALT] = { "touch no more", 4, 0 },
	[FUZZ_MBIND] = { "mbind", 40, RANGE | POLICY | FLAGS },
	[FUZZ_SETTLE] = { "mbind, touch and look", 24, RANGE | POLICY | WHO },
	[FUZZ_WRONG] = { "wrong mbind", 6, RANGE | CHOICE },
	[FUZZ_TASK_POLICY] = { "set_mempolicy", 6, POLICY },
	[FUZZ_ADVISE] = { "madvise", 40, RANGE | CHOICE },
	[FUZZ_MAP] = { "mmap", 6, RANGE },
	[FUZZ_UNMAP] = { "munmap", 6, RANGE },
	[FUZZ_MOVE] = { "mremap: move", 12, RANGE | TO | CHOICE },
	[FUZZ_GROW] = { "mremap: grow", 6, RANGE },
	[FUZZ_SHRINK] = { "mremap: shrink", 4, RANGE | TO },
	[FUZZ_PROTECT] = { "mprotect", 14, RANGE | CHOICE },
	[FUZZ_LOCK] = { "mlock", 4, RANGE },
	[FUZZ_UNLOCK] = { "munlock", 4, RANGE },
	[FUZZ_SPLIT] = { "split THPs", 1, RANGE },
	[FUZZ_RUN_ON] = { "sched_setaffinity", 8, WHO },
	[FUZZ_FORK] = { "fork: the child", 8, CHOICE | WHO },
	[FUZZ_JOIN] = { "wait for the child", 8, 0 },
	[FUZZ_MOVE_PAGES] = { "move_pages", 6, RANGE | WHO },
	[FUZZ_MIGRATE_PAGES] = { "migrate_pages", 1, WHO },
	[FUZZ_BALANCING] = { "kernel.numa_balancing", 1, CHOICE },
	[FUZZ_WINDOW] = { "vm.mof_window_pages", 4, CHOICE },
	[FUZZ_WRONG_SYSCTL] = { "wrong sysctl", 2, CHOICE },
};

static const struct {
	const struct fuzz_choice *choice;
	int number;
} variants[NR_FUZZ_OPS] = {
	[FUZZ_TOUCH] = { touches, ARRAY_SIZE(touches) },
	[FUZZ_CHASE] = { touches, ARRAY_SIZE(touches) },
	[FUZZ_WRONG] = { mistakes, ARRAY_SIZE(mistakes) },
	[FUZZ_ADVISE] = { advice, ARRAY_SIZE(advice) },
	[FUZZ_MOVE] = { moves, ARRAY_SIZE(moves) },
	[FUZZ_PROTECT] = { protections, ARRAY_SIZE(protections) },
	[FUZZ_FORK] = { forks, ARRAY_SIZE(forks) },
	[FUZZ_BALANCING] = { balancing, ARRAY_SIZE(balancing) },
	[FUZZ_WINDOW] = { windows, ARRAY_SIZE(windows) },
	[FUZZ_WRONG_SYSCTL] = { wrong_sysctls, ARRAY_SIZE(wrong_sysctls) },
};

/* splitmix64: the first number is already well mixed. */
static __u64 number(__u64 *state)
{
	__u64 z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static long below(__u64 *state, long limit)
{
	return (number(state) >> 1) % limit;
}

/* Initial state for call or area @i: no two programs share a sequence. */
static __u64 begin(__u64 seed, long i)
{
	__u64 state = seed;

	return number(&state) + i * 0xd1342543de82ef95ULL;
}

enum fuzz_kind fuzz_program_kind(__u64 seed)
{
	return seed % NR_FUZZ_KINDS;
}

/*
 * Two areas are of the program's kind. THPs cost time, so only a third of the
 * others that are drawn as THPs are.
 */
enum fuzz_kind fuzz_area_kind(const struct fuzz_program *p, int area)
{
	__u64 state = begin(p->seed, -1 - area);
	enum fuzz_kind kind = below(&state, NR_FUZZ_KINDS);

	if (!area || (area == 1 && fuzz_program_kind(p->seed) != FUZZ_HUGE))
		kind = fuzz_program_kind(p->seed);
	else if (kind == FUZZ_HUGE && below(&state, 3))
		kind = FUZZ_ANON;
	return kind == FUZZ_HUGE && !thp_fits() ? FUZZ_ANON : kind;
}

/* Size of the area; not all of it is mapped. */
long fuzz_area_pages(const struct fuzz_program *p, int area)
{
	__u64 state = begin(p->seed, -1 - FUZZ_AREAS - area);

	if (fuzz_area_kind(p, area) == FUZZ_HUGE)
		return 2 * thp_pages();
	return 16 + below(&state, area ? FEW_PAGES : FUZZ_FILE_PAGES - 15);
}

/* Nodes that half of the areas are initially bound to, or 0 for other areas. */
unsigned long fuzz_area_bound(const struct fuzz_program *p, int area)
{
	__u64 state = begin(p->seed, -1 - 2 * FUZZ_AREAS - area);

	return below(&state, 2) ? number(&state) & p->memory : 0;
}

/* Mostly short ranges; of THPs, mostly whole ones. */
static void choose_range(const struct fuzz_program *p, __u64 *state, struct fuzz_call *c)
{
	long all, left;

	c->area = below(state, 2) ? 0 : below(state, FUZZ_AREAS);
	all = fuzz_area_pages(p, c->area);
	c->first = below(state, all);
	c->to = below(state, all);
	if (fuzz_area_kind(p, c->area) == FUZZ_HUGE && below(state, 4)) {
		c->first -= c->first % thp_pages();
		c->to -= c->to % thp_pages();
		c->pages = thp_pages();
		return;
	}
	left = all - c->first;
	c->pages = 1 + below(state, below(state, 3) ? left : left < 6 ? left : 6);
}

/* Any policy, for a random set of nodes with memory. */
static void choose_policy(const struct fuzz_program *p, __u64 *state, struct fuzz_call *c)
{
	static const int modes[] = {
		MPOL_DEFAULT, MPOL_LOCAL, MPOL_LOCAL, MPOL_PREFERRED, MPOL_BIND,
		MPOL_BIND, MPOL_BIND | MPOL_F_STATIC_NODES,
		MPOL_BIND | MPOL_F_NUMA_BALANCING, MPOL_INTERLEAVE, MPOL_PREFERRED_MANY,
	};

	c->mode = modes[below(state, ARRAY_SIZE(modes))];
	/* Bound areas stay bound, to varying nodes: see fuzz_check_places(). */
	if (fuzz_area_bound(p, c->area))
		c->mode = MPOL_BIND;
	c->nodes = number(state) & p->memory;
	if (!c->nodes)
		c->nodes = p->memory;
	if (c->mode == MPOL_DEFAULT || c->mode == MPOL_LOCAL)
		c->nodes = 0;
	if (c->mode == MPOL_PREFERRED)
		c->nodes &= below(state, 4) ? -c->nodes : 0;
}

static unsigned int choose_flags(__u64 *state)
{
	static const unsigned int flags[] = {
		0, MPOL_MF_MOVE, MPOL_MF_MOVE_ALL, MOF_LAZY_MOVE, MOF_LAZY_MOVE,
		MOF_LAZY_MOVE, MOF_LAZY_MOVE_ALL,
	};

	return flags[below(state, ARRAY_SIZE(flags))] |
	       (below(state, 3) ? 0 : MPOL_MF_STRICT);
}

static enum fuzz_op choose_op(__u64 *state)
{
	int i, which, sum = 0;

	for (i = 0; i < NR_FUZZ_OPS; i++)
		sum += ops[i].weight;
	which = below(state, sum);
	for (i = 0; which >= ops[i].weight; i++)
		which -= ops[i].weight;
	return i;
}

/* Generate call @i of the program; all fields are filled in, used or not. */
void fuzz_call_make(const struct fuzz_program *p, long i, struct fuzz_call *c)
{
	__u64 state = begin(p->seed, i);

	*c = (struct fuzz_call) { .op = choose_op(&state) };
	choose_range(p, &state, c);
	choose_policy(p, &state, c);
	c->flags = choose_flags(&state);
	c->who = below(&state, FUZZ_THREADS);
	if (variants[c->op].number)
		c->choice = below(&state, variants[c->op].number);
}

/* The variant of the call, or NULL if its operation has none. */
const struct fuzz_choice *fuzz_choice(const struct fuzz_call *c)
{
	return variants[c->op].choice ? &variants[c->op].choice[c->choice] : NULL;
}

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

/* Print the program as a list of calls. */
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
