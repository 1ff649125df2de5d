/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fuzzer: programs of random calls, and a model of what memory should hold
 * after each of them and of the nodes that it may be on.
 *
 * A program is a pure function of its seed and of the nodes with memory: call i
 * depends on nothing but those and i, so that a program may be cut short.
 */
#ifndef _MOF_FUZZ_H
#define _MOF_FUZZ_H

#include "../../kselftest.h"
#include "util.h"

#ifndef MPOL_F_STATIC_NODES
#define MPOL_F_STATIC_NODES	0x8000
#endif

/* Those that may go with a mode. */
#define FUZZ_MODE_FLAGS		(MPOL_F_NUMA_BALANCING | MPOL_F_STATIC_NODES)

#define FUZZ_AREAS	4
#define FUZZ_THREADS	2
#define FUZZ_RUNNERS	16
#define FUZZ_FILE_PAGES	64L	/* of the file, and most of an area of base pages */

enum fuzz_kind {
	FUZZ_ANON,		/* private anonymous memory, base pages */
	FUZZ_HUGE,		/* the same, of THPs and other large folios */
	FUZZ_SHARED,		/* shared anonymous memory */
	FUZZ_MEMFD,		/* the same, of a file in memory */
	FUZZ_FILE,		/* a private mapping of a file on a disk */
	NR_FUZZ_KINDS
};

enum fuzz_op {
	FUZZ_WRITE,
	FUZZ_CHECK,
	FUZZ_TOUCH,
	FUZZ_CHASE,
	FUZZ_HALT,
	FUZZ_MBIND,
	FUZZ_SETTLE,
	FUZZ_WRONG,
	FUZZ_TASK_POLICY,
	FUZZ_ADVISE,
	FUZZ_MAP,
	FUZZ_UNMAP,
	FUZZ_MOVE,
	FUZZ_GROW,
	FUZZ_SHRINK,
	FUZZ_PROTECT,
	FUZZ_LOCK,
	FUZZ_UNLOCK,
	FUZZ_SPLIT,
	FUZZ_RUN_ON,
	FUZZ_FORK,
	FUZZ_JOIN,
	FUZZ_MOVE_PAGES,
	FUZZ_MIGRATE_PAGES,
	FUZZ_BALANCING,
	FUZZ_WINDOW,
	FUZZ_WRONG_SYSCTL,
	NR_FUZZ_OPS
};

/**
 * struct fuzz_program - what a program is made from
 * @seed:	its number
 * @ops:	how many calls
 * @memory:	mask of the nodes that have memory
 * @flip:	damage memory in the end: the test of this test
 */
struct fuzz_program {
	__u64 seed;
	long ops;
	unsigned long memory;
	bool flip;
};

/**
 * struct fuzz_call - one call; each operation uses some of this
 * @op:		what to do
 * @area:	where
 * @first:	first page of the area
 * @pages:	how many
 * @to:		another page, or a number of pages
 * @mode:	policy
 * @nodes:	its nodes
 * @flags:	flags of mbind(2)
 * @choice:	which of the operation's variants
 * @who:	which thread, or from which of two nodes
 */
struct fuzz_call {
	enum fuzz_op op;
	int area;
	long first;
	long pages;
	long to;
	int mode;
	unsigned long nodes;
	unsigned int flags;
	int choice;
	int who;
};

/* mof_fuzz_program.c */

/* Variants of operations: what to give to the system call, and its name. */
struct fuzz_choice {
	const char *name;
	long value;
};

enum fuzz_kind fuzz_program_kind(__u64 seed);
enum fuzz_kind fuzz_area_kind(const struct fuzz_program *p, int area);
long fuzz_area_pages(const struct fuzz_program *p, int area);
unsigned long fuzz_area_bound(const struct fuzz_program *p, int area);
void fuzz_call_make(const struct fuzz_program *p, long i, struct fuzz_call *c);
const struct fuzz_choice *fuzz_choice(const struct fuzz_call *c);

/* mof_fuzz_print.c */
const char *fuzz_kind_name(enum fuzz_kind kind);
void fuzz_print(const struct fuzz_program *p);

/* mof_fuzz_model.c */

#define FUZZ_UNMAPPED	(-1)

/**
 * struct fuzz_page - what is known of a page of an area
 * @prot:	as for mmap(2), or FUZZ_UNMAPPED
 * @generation:	of its own contents; 0: shows what is behind it
 * @home:	page of the object behind it
 * @unsure:	it may show what is behind it by now: lazily freed
 * @swapped:	it may have been swapped out; what comes back need not obey policy
 * @mode:	policy of its VMA
 * @nodes:	its nodes
 * @allowed:	nodes where it may be
 */
struct fuzz_page {
	int prot;
	__u32 generation;
	long home;
	bool unsure;
	bool swapped;
	int mode;
	unsigned long nodes;
	unsigned long allowed;
};

/**
 * struct fuzz_behind - a page of an object behind areas, as all processes see it
 * @generation:	of its contents; 0: zero
 * @unsure:	it may be zero by now
 */
struct fuzz_behind {
	__u32 generation;
	bool unsure;
};

/**
 * struct fuzz_area - a range of addresses, and what is mapped there
 * @a:		the addresses
 * @kind:	of memory
 * @fd:		of what is mapped, or -1
 * @page:	what is known of each page
 * @behind:	the object, by page; shared with children. NULL: zeroes, or the file
 * @large:	may have large folios: policies of one page move others, too
 * @anywhere:	pages may be on any node: KSM
 */
struct fuzz_area {
	struct area a;
	enum fuzz_kind kind;
	int fd;
	struct fuzz_page *page;
	struct fuzz_behind *behind;
	bool large;
	bool anywhere;
};

/**
 * enum fuzz_job - what a thread does
 * @FUZZ_IDLE:		nothing
 * @FUZZ_ONCE:		touches all pages
 * @FUZZ_ALWAYS:	the same, until it is told to stop
 */
enum fuzz_job {
	FUZZ_IDLE,
	FUZZ_ONCE,
	FUZZ_ALWAYS
};

/**
 * struct fuzz_thread - a thread that touches, from one node
 * @thread:	its handle
 * @lock:	for @job
 * @changed:	@job has been changed
 * @node:	its node
 * @job:	what it is to do
 * @a:		where
 * @write:	with atomic additions of 0; else it reads
 * @stop:	end what goes on for ever
 */
struct fuzz_thread {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int node;
	enum fuzz_job job;
	struct area a;
	bool write;
	bool stop;
};

/**
 * struct fuzz_runner - a process that runs programs; all of them see this
 * @call:	number of the call under way
 * @settled:	pages whose place has been compared with the policy
 * @checked:	pages whose contents have been compared
 * @sysctls:	the program has written to a sysctl
 * @run:	programs of each kind
 * @failed:	those that failed
 */
struct fuzz_runner {
	long call;
	long settled;
	long checked;
	bool sysctls;
	long run[NR_FUZZ_KINDS];
	long failed[NR_FUZZ_KINDS];
};

/**
 * struct fuzz_shared - what runners share
 * @next:	program to be run next, from 0 on
 * @failures:	programs that failed
 * @balancings:	counted before and after each write to kernel.numa_balancing
 * @printing:	held while several lines are printed
 * @runner:	the runners
 */
struct fuzz_shared {
	long next;
	long failures;
	long balancings;
	pthread_mutex_t printing;
	struct fuzz_runner runner[FUZZ_RUNNERS];
};

/**
 * struct fuzz_world - where programs run
 * @m:		the machine
 * @memory:	mask of its nodes that have memory
 * @file:	a file on a disk
 * @root:	may write to sysctls
 * @window:	vm.mof_window_pages as it was found
 * @all:	what runners share
 * @me:		this one
 * @quiet:	describe no failures
 */
struct fuzz_world {
	struct machine m;
	unsigned long memory;
	int file;
	bool root;
	long window;
	struct fuzz_shared *all;
	struct fuzz_runner *me;
	bool quiet;
};

/**
 * struct fuzz_run - a program that is running
 * @p:		the program
 * @w:		where
 * @area:	its memory
 * @thread:	its threads
 * @generation:	the last one that was written
 * @child:	a process that has all this memory, too, or 0
 * @wake:	what lets that go on
 * @probe:	a pipe, to have the kernel read memory
 * @failed:	something was other than in the model
 */
struct fuzz_run {
	const struct fuzz_program *p;
	struct fuzz_world *w;
	struct fuzz_area area[FUZZ_AREAS];
	struct fuzz_thread thread[FUZZ_THREADS];
	__u32 generation;
	pid_t child;
	int wake;
	int probe[2];
	bool failed;
};

void fuzz_fail(struct fuzz_run *r, const char *format, ...)
	__printf(2, 3);
__u32 fuzz_file_generation(long page);
int fuzz_file_fill(int fd);
int fuzz_area_new(struct fuzz_run *r, int area);
int fuzz_area_cut(struct fuzz_area *a);
bool fuzz_private(const struct fuzz_area *a);
struct area fuzz_span(const struct fuzz_area *a, long first, long pages);
void fuzz_write_page(struct fuzz_run *r, struct fuzz_area *a, long page);
void fuzz_check_page(struct fuzz_run *r, struct fuzz_area *a, long page, bool all);
void fuzz_check_area(struct fuzz_run *r, struct fuzz_area *a);
void fuzz_flip(struct fuzz_run *r);

/* mof_fuzz_pages.c: what calls change in the model */
long fuzz_mapped(const struct fuzz_area *a, long first, long limit);
void fuzz_forget(struct fuzz_area *a, long first, long pages);
void fuzz_doubt(struct fuzz_area *a, long first, long pages);
void fuzz_fresh(struct fuzz_area *a, long first, long pages);
void fuzz_widen(struct fuzz_area *a, long first, long pages, unsigned long nodes);
void fuzz_unmapped(struct fuzz_area *a, long first, long pages);
void fuzz_mapped_anew(struct fuzz_area *a, long first, long pages);
void fuzz_moved(struct fuzz_area *a, long first, long pages, long to);

/* mof_fuzz_place.c: policies, and where pages are */
void fuzz_bind_first(struct fuzz_run *r, const struct fuzz_call *c);
void fuzz_mbind(struct fuzz_run *r, const struct fuzz_call *c);
void fuzz_settle(struct fuzz_run *r, const struct fuzz_call *c);
void fuzz_check_places(struct fuzz_run *r, struct fuzz_area *a, long first, long pages);

/* mof_fuzz_crew.c: threads and children */
int fuzz_crew_start(struct fuzz_run *r);
void fuzz_touch(struct fuzz_run *r, const struct fuzz_call *c, struct area a);
void fuzz_chase(struct fuzz_run *r, const struct fuzz_call *c, struct area a);
void fuzz_halt(struct fuzz_run *r);
void fuzz_fork(struct fuzz_run *r, const struct fuzz_call *c);
void fuzz_join(struct fuzz_run *r);

/* mof_fuzz_ops.c */
void fuzz_call(struct fuzz_run *r, const struct fuzz_call *c);

/* mof_fuzz_sysctl.c: there is one of each, for all programs */
void fuzz_sysctl(struct fuzz_run *r, const struct fuzz_call *c, const char *path, int want);
void fuzz_sysctls_back(struct fuzz_world *w);
bool fuzz_unbalanced_since(const struct fuzz_run *r, long *since);

/* mof_fuzz_run.c */

/**
 * struct fuzz_result - how a program ended
 * @failed:	in whatever way
 * @signal:	that it died of, or 0
 * @call:	number of the last call that was begun
 */
struct fuzz_result {
	bool failed;
	int signal;
	long call;
};

struct fuzz_result fuzz_run(const struct fuzz_program *p, struct fuzz_world *w);
long fuzz_shortest(const struct fuzz_program *p, struct fuzz_world *w);

/* mof_fuzz_jobs.c */

/**
 * struct fuzz_options - what to run
 * @programs:	how many
 * @seed:	of the first; each further one has the next number
 * @seconds:	begin no program after that; 0: no limit
 * @ops:	calls of each program
 * @jobs:	programs at the same time
 * @verbose:	print each program
 */
struct fuzz_options {
	long programs;
	long seed;
	long seconds;
	long ops;
	long jobs;
	long verbose;
};

int fuzz_run_all(const struct fuzz_options *o, struct fuzz_world *w);

#endif /* _MOF_FUZZ_H */
