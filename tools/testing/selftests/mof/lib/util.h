/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Helpers for tests of migrate-on-fault: nodes of the machine, areas of memory
 * with known contents, counters, and setup.
 *
 * Helpers do not decide whether a test passes: they return a value to be
 * checked, 0 or a negative errno, or (const char *) the reason why a test
 * cannot run.
 */
#ifndef _MOF_UTIL_H
#define _MOF_UTIL_H

#include <linux/types.h>
#include <numaif.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifndef MPOL_MF_LAZY
#define MPOL_MF_LAZY		0x8
#endif
#ifndef MPOL_PREFERRED_MANY
#define MPOL_PREFERRED_MANY	5
#endif
#ifndef MPOL_WEIGHTED_INTERLEAVE
#define MPOL_WEIGHTED_INTERLEAVE 6
#endif
#ifndef MPOL_F_NUMA_BALANCING
#define MPOL_F_NUMA_BALANCING	0x2000
#endif

#define MOF_LAZY_MOVE		(MPOL_MF_MOVE | MPOL_MF_LAZY)
#define MOF_LAZY_MOVE_ALL	(MPOL_MF_MOVE_ALL | MPOL_MF_LAZY)

#define NODE_MASK(node)		(1UL << (node))

/*
 * More than twice as large as per-CPU LRU batches (31 folios), but small enough
 * for an emulated machine.
 */
#define AREA_PAGES		64L
#define TABLE_PAGES	512L	/* entries of a page table on most machines */

/* machine.c: nodes and CPUs */

/* Number of bits of a nodemask for the kernel, which ignores the last one. */
#define MAX_NODE		(8 * sizeof(unsigned long) + 1)

#define NO_NODE			(-1)
#define NO_LAZY			"kernel without MPOL_MF_LAZY"

#define BALANCING		"/proc/sys/kernel/numa_balancing"
#define SHMEM_THP		"/sys/kernel/mm/transparent_hugepage/shmem_enabled"
#define WINDOW			"/proc/sys/vm/mof_window_pages"

/**
 * struct machine - the nodes that a test uses
 * @from:	has CPUs and memory: initial node of areas
 * @to:		has CPUs and memory: node of touches
 * @third:	another node with memory, with or without CPUs, or NO_NODE
 * @memoryless:	has CPUs and no memory, or NO_NODE
 * @cpuless:	has memory and no CPU, or NO_NODE
 * @balancing:	saved kernel.numa_balancing
 */
struct machine {
	int from;
	int to;
	int third;
	int memoryless;
	int cpuless;
	long balancing;
};

const char *machine_setup(struct machine *m);
const char *machine_setup_lazy(struct machine *m);
void machine_restore(const struct machine *m);
bool have_lazy(void);
bool lazy_expected_absent(void);
int run_on(int node);
int my_node(void);
bool cpus_can_go(int node);
int node_cpus_set(int node, bool on);
unsigned long memory_nodes(void);
bool is_nearest(int node, int nid, unsigned long among);
int set_task_policy(int mode, unsigned long nodes);

struct stats;

/* area.c: areas, and their pages */

/**
 * struct area - memory with known contents, in VMAs of its own
 * @base:	first byte; a multiple of the THP size in areas of THPs
 * @pages:	length in base pages
 * @seed:	makes the contents of each area different
 */
struct area {
	char *base;
	long pages;
	unsigned long seed;
};

long page_size(void);
long thp_size(void);
long thp_pages(void);
long pud_pages(void);
bool nodes_hold(long long bytes);
bool thp_fits(void);
const char *thp_missing(void);

int area_map(struct area *a, long pages);
int area_map_file(struct area *a, long pages, int prot, int flags, int fd);
int area_new(struct area *a, long pages, int node);
int area_begin(struct area *a, long pages, const struct machine *m, struct stats *before);
int area_new_shared(struct area *a, long pages, int node);
int area_new_shared_thp(struct area *a, int fd, int node);
int area_new_file(struct area *a, const char *dir, const char *name, int node, int *fd);
int area_new_thp(struct area *a, long thps, int node);
struct area area_part(const struct area *a, long first, long pages);
void area_free(struct area *a);
long area_bytes(const struct area *a);

void area_fill(const struct area *a);
int area_place(const struct area *a, int node);
long area_bad(const struct area *a);
long area_not_zero(const struct area *a);
__u64 area_word(const struct area *a, long page, long word);

void page_read(const struct area *a, long page);
void page_write(const struct area *a, long page);
void area_read(const struct area *a);
void area_write(const struct area *a);
int area_activate(const struct area *a, long step);

int page_node(const struct area *a, long page);
long area_on(const struct area *a, int node);
long area_on_as(const struct area *a, int node, pid_t pid);
long area_absent(const struct area *a);
long area_move(const struct area *a, int node);

long area_mbind(const struct area *a, int mode, unsigned long nodes,
		unsigned int flags);
long mark(const struct area *a, int mode, unsigned long nodes);
int area_policy(const struct area *a, int *mode, unsigned long *nodes);
void drain_lru(void);

/* Flags and page frames of single pages; require root */

/* Bits of /proc/PID/pagemap and /proc/kpageflags: see pagemap.rst. */
#define PM_PFN_MASK		0x007fffffffffffffULL
#define PM_SOFT_DIRTY		0x0080000000000000ULL
#define PM_UFFD_WP		0x0200000000000000ULL
#define PM_PRESENT		0x8000000000000000ULL
#define KPF_SWAPCACHE		0x02000ULL
#define KPF_COMPOUND_HEAD	0x08000ULL
#define KPF_COMPOUND_TAIL	0x10000ULL

__u64 page_entry(const struct area *a, long page);
long page_pfn(const struct area *a, long page);
__u64 pfn_flags(long pfn);
long area_with(const struct area *a, __u64 bit);
long area_flagged(const struct area *a, __u64 flag);
int split_thps(const struct area *a);

/* threads.c: threads that write in a loop */

/**
 * struct crew - concurrent writers, a marker, and a disturbing operation
 * @a:		the area
 * @m:		the writers alternate between its nodes
 * @op:		the operation: returns 0, or a negative errno; NULL: none
 * @times:	number of calls of @op
 * @pause:	microseconds between marks
 * @done:	number of calls so far
 * @refused:	number of calls that returned an error
 * @marks:	number of marks so far
 * @lost:	number of words that differ from the last write
 * @writing:	number of writers that are still running
 */
struct crew {
	const struct area *a;
	const struct machine *m;
	int (*op)(const struct crew *c, long i);
	long times;
	long pause;
	long done;
	long refused;
	long marks;
	long lost;
	int writing;
};

int crew_run(struct crew *c);
long crew_word(long page, long slot);

/**
 * struct sweeper - a thread that writes to some pages of an area in a loop
 * @a:		the area
 * @node:	node of the thread
 * @slot:	selects its word in each page; different for each thread
 * @first:	first page
 * @step:	distance of its pages; 0: 1
 * @fifo:	run in a real-time class
 * @rounds:	number of rounds over all its pages so far
 * @lost:	number of words that differ from the last write
 */
struct sweeper {
	const struct area *a;
	int node;
	long slot;
	long first;
	long step;
	bool fifo;
	long rounds;
	long lost;
	pthread_t thread;
	bool stop;
};

int sweeper_start(struct sweeper *t);
void sweeper_stop(struct sweeper *t);
long sweeper_misplaced(const struct sweeper *t);
bool sweeper_settles(const struct sweeper *t);
void sweeper_work(const struct sweeper *t, double seconds);

/* stats.c: counters and statistics of the kernel */

enum stat_id {
	MOF_MARKED,
	MOF_FAULTS,
	MOF_RESOLVED,
	MOF_MIGRATED,
	MOF_MIGRATED_THP,
	MOF_LOCAL,
	MOF_RETRIED,
	MOF_FAILED_NOMEM,
	MOF_FAILED_SHARED,
	MOF_FAILED_PINNED,
	MOF_FAILED_BUSY,
	MOF_FAILED_RACED,
	MOF_SAMPLES,
	MOF_ARMED,
	NR_MOF_STATS,

	MOF_WINDOWED = NR_MOF_STATS,	/* only on kernels with windows */
	NUMA_PTE_UPDATES,
	NUMA_HINT_FAULTS,
	NUMA_PAGES_MIGRATED,
	PGMIGRATE_SUCCESS,
	THP_MIGRATION_SUCCESS,
	THP_MIGRATION_SPLIT,
	THP_SPLIT_PAGE,
	THP_SPLIT_PMD,
	COMPACT_ISOLATED,
	PSWPIN,
	PSWPOUT,
	NR_WRITTEN,
	PGPGOUT,
	NR_ISOLATED_ANON,
	NR_ISOLATED_FILE,
	OOM_KILL,
	NR_STATS
};

struct stats {
	long v[NR_STATS];
};

const char *stat_name(enum stat_id s);
int stats_peek(struct stats *s);
int stats_read(struct stats *s);
int stats_since(const struct stats *before, struct stats *delta);
long stats_failed(const struct stats *s);
long stats_unreconciled(const struct stats *s);
long stats_isolated(struct stats *s);
int count_mof_names(const char *path);
bool have_automatic(void);
bool faults_are_single(void);
long area_hinted(const struct area *a);
long area_smaps_kb(const struct area *a, const char *field);
bool numa_maps_say_hinted(void);

/* setup.c: files of the kernel, and resources */

long read_long(const char *path);
long file_line(const char *path, const char *key);
int write_text(const char *path, const char *text);
int write_long(const char *path, long value);

/**
 * struct cgroup - a group for a test, in the unified hierarchy
 * @root:	mount point of the hierarchy
 * @dir:	directory of the group
 */
struct cgroup {
	char root[64];
	char dir[96];
};

const char *cgroup_enter(struct cgroup *cg, const char *controllers);
int cgroup_remove(const struct cgroup *cg);
void cgroup_leave(struct cgroup *cg);
int cgroup_write(const struct cgroup *cg, const char *file, const char *text);
long cgroup_line(const struct cgroup *cg, const char *file, const char *key);
long cgroup_stat(const struct cgroup *cg, const char *key);
int cgroup_stat_names(const struct cgroup *cg);
long cgroup_unlisted(const struct cgroup *cg);

/**
 * struct disk - ext4 on a loop device on a memfd: a file system on a disk
 * @dir:	mount point; empty if it is not mounted
 * @loop:	name of the loop device; empty if it is not set up
 * @period:	saved interval of periodic writeback; 0 if that is not disabled
 */
struct disk {
	char dir[64];
	char loop[32];
	long period;
};

const char *disk_mount(struct disk *d);
int disk_remount(const struct disk *d);
void disk_umount(struct disk *d);

/**
 * struct swap - a swap device for a test
 * @device:	its name; empty if there is none
 */
struct swap {
	char device[64];
};

const char *swap_enable(struct swap *s);
void swap_disable(struct swap *s);

const char *take_huge_pages(int node);
void give_huge_pages(int node);
int spare_huge_pages(int node, long pages);
const char *fill_node(struct area *hog, int node);
void empty_node(struct area *hog, int node);

pid_t sharer_start(const struct area *a, int go[2]);
int sharer_verdict(pid_t pid, const int go[2]);
int pin_pages(const struct area *a);
int hold_pages(const struct area *a, int ends[2]);
void release_pages(const int ends[2]);

#endif /* _MOF_UTIL_H */
