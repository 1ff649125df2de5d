/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fuzzer: programs of random calls, and a model of the contents and the
 * allowed nodes of all memory after each call.
 *
 * A program is a pure function of its seed and of the nodes with memory: call i
 * depends only on these and on i, so that any prefix is a valid program.
 */
#ifndef _MOF_FUZZ_H
#define _MOF_FUZZ_H

#include "../../kselftest.h"
#include "util.h"

#ifndef MPOL_F_STATIC_NODES
#define MPOL_F_STATIC_NODES	0x8000
#endif

/* Flags that can be combined with a mode. */
#define FUZZ_MODE_FLAGS		(MPOL_F_NUMA_BALANCING | MPOL_F_STATIC_NODES)

#define FUZZ_AREAS	4
#define FUZZ_THREADS	2
#define FUZZ_RUNNERS	16
#define FUZZ_FILE_PAGES	64L	/* of the file; also the limit for areas of base pages */

enum fuzz_kind {
	FUZZ_ANON,		/* private anonymous memory, base pages */
	FUZZ_HUGE,		/* private anonymous memory, THPs and other large folios */
	FUZZ_SHARED,		/* shared anonymous memory */
	FUZZ_MEMFD,		/* shared mapping of a memfd */
	FUZZ_FILE,		/* private mapping of a file on a disk */
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
 * struct fuzz_program - the parameters of a program
 * @seed:	number of the program
 * @ops:	number of calls
 * @memory:	mask of the nodes that have memory
 * @flip:	corrupt memory at the end, to test the checks themselves
 */
struct fuzz_program {
	__u64 seed;
	long ops;
	unsigned long memory;
	bool flip;
};

/**
 * struct fuzz_call - one call; each operation uses some of the fields
 * @op:		operation
 * @area:	index of the area
 * @first:	first page of the range
 * @pages:	length of the range
 * @to:		another page, or a number of pages
 * @mode:	policy
 * @nodes:	nodes of the policy
 * @flags:	flags of mbind(2)
 * @choice:	index into the variants of the operation
 * @who:	index of a thread, or of one of two nodes
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

/* fuzz_program.c: the calls of a program, and programs as text */

/* A variant of an operation: argument of the system call, and its name. */
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
const char *fuzz_kind_name(enum fuzz_kind kind);
void fuzz_print(const struct fuzz_program *p);

/* fuzz_world.c: memory and its model; threads, children, sysctls */

#define FUZZ_UNMAPPED	(-1)

/**
 * struct fuzz_page - model of a page of an area
 * @prot:	as for mmap(2), or FUZZ_UNMAPPED
 * @generation:	of its private contents; 0: shows the backing object
 * @home:	page of the backing object
 * @unsure:	lazily freed, so it may show the backing object already
 * @swapped:	may have been swapped out; swap-in does not always obey the policy
 * @mode:	policy of its VMA
 * @nodes:	nodes of the policy
 * @allowed:	nodes where the page may be
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
 * struct fuzz_behind - model of a page of a shared object, common to all processes
 * @generation:	of its contents; 0: zero
 * @unsure:	may be zero already
 */
struct fuzz_behind {
	__u32 generation;
	bool unsure;
};

/**
 * struct fuzz_area - a range of addresses and its mappings
 * @a:		the addresses
 * @kind:	of memory
 * @fd:		of the mapped file, or -1
 * @page:	model of each page
 * @behind:	the object by page, shared with children. NULL: zeroes, or the file
 * @large:	may have large folios: a policy for one page moves others, too
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
 * enum fuzz_job - the job of a thread
 * @FUZZ_IDLE:		nothing
 * @FUZZ_ONCE:		touch all pages
 * @FUZZ_ALWAYS:	touch all pages until told to stop
 */
enum fuzz_job {
	FUZZ_IDLE,
	FUZZ_ONCE,
	FUZZ_ALWAYS
};

/**
 * struct fuzz_thread - a thread that touches pages from one node
 * @thread:	handle
 * @lock:	protects @job
 * @changed:	signals changes of @job
 * @node:	node that it runs on
 * @job:	current job
 * @a:		pages to touch
 * @write:	touch with atomic additions of 0, not with reads
 * @stop:	ends FUZZ_ALWAYS
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
 * struct fuzz_runner - state of a process that runs programs, visible to all
 * @call:	index of the current call
 * @settled:	number of pages whose node has been compared with the policy
 * @checked:	number of pages whose contents have been compared
 * @sysctls:	the program has written to a sysctl
 * @run:	number of programs of each kind
 * @failed:	number of failed programs of each kind
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
 * struct fuzz_shared - state shared by all runners
 * @next:	index of the next program, from 0
 * @failures:	number of failed programs
 * @balancings:	incremented before and after each write to kernel.numa_balancing
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
 * struct fuzz_world - environment of programs
 * @m:		the machine
 * @memory:	mask of its nodes that have memory
 * @file:	a file on a disk
 * @root:	may write to sysctls
 * @window:	saved vm.mof_window_pages
 * @all:	state shared by all runners
 * @me:		the runner of this process
 * @quiet:	do not describe failures
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
 * struct fuzz_run - a running program
 * @p:		the program
 * @w:		its environment
 * @area:	its memory
 * @thread:	its threads
 * @generation:	the last written generation
 * @child:	a process that shares or inherited the memory, or 0
 * @wake:	write end of the pipe that @child waits for
 * @probe:	a pipe through which the kernel reads memory
 * @failed:	memory differed from the model
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
int fuzz_file_fill(int fd);
int fuzz_area_new(struct fuzz_run *r, int area);
int fuzz_area_cut(struct fuzz_area *a);
bool fuzz_private(const struct fuzz_area *a);
struct area fuzz_span(const struct fuzz_area *a, long first, long pages);
void fuzz_write_page(struct fuzz_run *r, struct fuzz_area *a, long page);
void fuzz_check_page(struct fuzz_run *r, struct fuzz_area *a, long page, bool all);
void fuzz_check_area(struct fuzz_run *r, struct fuzz_area *a);
void fuzz_flip(struct fuzz_run *r);

/* Updates of the model */
long fuzz_mapped(const struct fuzz_area *a, long first, long limit);
void fuzz_forget(struct fuzz_area *a, long first, long pages);
void fuzz_doubt(struct fuzz_area *a, long first, long pages);
void fuzz_fresh(struct fuzz_area *a, long first, long pages);
void fuzz_widen(struct fuzz_area *a, long first, long pages, unsigned long nodes);
void fuzz_unmapped(struct fuzz_area *a, long first, long pages);
void fuzz_mapped_anew(struct fuzz_area *a, long first, long pages);
void fuzz_moved(struct fuzz_area *a, long first, long pages, long to);

int fuzz_crew_start(struct fuzz_run *r);
void fuzz_touch(struct fuzz_run *r, const struct fuzz_call *c, struct area a);
void fuzz_chase(struct fuzz_run *r, const struct fuzz_call *c, struct area a);
void fuzz_halt(struct fuzz_run *r);
void fuzz_fork(struct fuzz_run *r, const struct fuzz_call *c);
void fuzz_join(struct fuzz_run *r);

void fuzz_sysctl(struct fuzz_run *r, const struct fuzz_call *c, const char *path, int want);
void fuzz_sysctls_back(struct fuzz_world *w);
bool fuzz_unbalanced_since(const struct fuzz_run *r, long *since);

/* fuzz_ops.c: the operations, and where they leave pages */
void fuzz_call(struct fuzz_run *r, const struct fuzz_call *c);
void fuzz_bind_first(struct fuzz_run *r, const struct fuzz_call *c);
void fuzz_check_places(struct fuzz_run *r, struct fuzz_area *a, long first, long pages);

#endif /* _MOF_FUZZ_H */
