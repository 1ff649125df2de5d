/* SPDX-License-Identifier: GPL-2.0 */
/* Declarations of "numa-bench auto"; one block per file */
#ifndef NB_AUTO_H
#define NB_AUTO_H

#include <semaphore.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "numa-bench.h"

#define AUTO_MAX_THREADS	512	/* each has its own word in a page */
#define AUTO_MAX_SWAPS		64
#define NEVER			UINT64_MAX

/* auto.c */
enum mode { MODE_OFF, MODE_STOCK, MODE_LAZY, MODE_CURRENT, NR_MODES };

extern const char *const mode_names[NR_MODES];

int balancing_get(void);

/* options.c */
struct auto_opts {
	struct name_list workloads;
	struct name_list modes;
	struct name_list page_kinds;
	size_t bytes;
	unsigned int threads;	/* on each node; 0: default of the workload */
	unsigned int compute;	/* rounds after each touch */
	unsigned int busy;	/* percent of the time */
	unsigned int pages;	/* of each share to sample; 0: all */
	uint64_t run_ns;
	uint64_t settle_ns;
	uint64_t interval_ns;
	uint64_t period_ns;
	uint64_t repeat;
	uint64_t seed;
	struct outputs out;
	int argc;
	char **argv;
};

void auto_parse(struct auto_opts *opts, int argc, char **argv);

/* plan.c: nodes, threads and memory of a run, prepared before it is started */

/* Pages of one process that threads use: every @step-th page */
struct share {
	unsigned int proc;
	size_t first;
	size_t step;
	size_t nr;
};

/* State of a thread in memory shared by all processes; cache-line aligned */
struct slot {
	alignas(64) atomic_ullong touches;
	atomic_ullong jobs;
	atomic_int node;		/* it runs on */
	atomic_uint share;	/* it uses */
	atomic_uint epoch;	/* it has reached */
	/* From "go" to "stop"; written before board->done is incremented */
	uint64_t user_ns;
	uint64_t sys_ns;
	uint64_t minor_faults;
	uint64_t longest_ns;	/* between two reads of the clock */
	/* Written before the process exits */
	uint64_t lost_touches;
};

struct board {
	atomic_uint epoch;	/* incremented to make threads move on */
	atomic_bool stop;
	atomic_uint ready;	/* threads with memory filled */
	atomic_uint done;	/* stopped threads */
	atomic_uint probes;	/* odd while placement is queried */
	sem_t go;
	sem_t leave;			/* final placement has been queried */
	struct slot slot[];
};

struct auto_workload;

struct plan {
	const struct auto_workload *workload;
	const struct auto_opts *opts;
	uint64_t repeat;
	enum mode mode;
	int nodes[NB_MAX_NODES];	/* with memory and CPUs */
	unsigned int nr_nodes;
	unsigned int nr_threads;
	unsigned int nr_procs;
	struct area area;		/* same address in each process */
	struct share *shares;
	unsigned int nr_shares;
	struct board *board;
	size_t board_bytes;
	pid_t *pids;
};

int plan_make(struct plan *plan, const struct auto_workload *workload,
	      const struct auto_opts *opts, enum page_kind kind);
void plan_free(struct plan *plan);
unsigned int plan_proc_of(const struct plan *plan, unsigned int thread);
int plan_cpu_of(const struct plan *plan, unsigned int thread,
		unsigned int epoch);
unsigned int plan_share_of(const struct plan *plan, unsigned int thread,
			   unsigned int epoch);
const char *plan_missing(const struct plan *plan);

/* workloads.c */
struct worker {
	const struct plan *plan;
	struct slot *slot;
	unsigned int thread;
	unsigned int epoch;
	const struct share *share;
	size_t pos;			/* in the share */
	uint64_t touches;
	uint64_t value;			/* result of computing */
	uint64_t slice_ns;		/* start of the current slice, for --busy */
};

enum threads { THREADS_PER_NODE, THREADS_FIRST_NODE, THREADS_ALL_CPUS };

struct auto_workload {
	const char *name;
	const char *does;
	const char *expect;
	enum threads threads;
	unsigned int procs;		/* 0: one for each thread */
	bool spread_fill;		/* each thread fills its share */
	bool unpinned;
	bool no_owner;			/* no node is right for a page */
	bool settles_first;		/* measure from the first epoch on */
	bool periodic;			/* a new epoch after each period */
	bool gaps;			/* threads read the clock */
	/* Pages of a share; NULL: consecutive parts of the process */
	void (*layout)(const struct plan *plan, struct share *share,
		       unsigned int idx);
	unsigned int (*shares)(const struct plan *plan); /* NULL: threads */
	/* NULL: the share of the same index */
	unsigned int (*share_of)(const struct plan *plan, unsigned int thread,
				 unsigned int epoch);
	/* Index into plan->nodes; NULL: nodes in turn */
	unsigned int (*node_of)(const struct plan *plan, unsigned int thread,
				unsigned int epoch);
	size_t (*bytes)(const struct auto_opts *opts);	/* NULL: all */
	const char *(*missing)(const struct plan *plan);
	int (*prepare)(const struct plan *plan);	/* in the parent */
	int (*confine)(const struct plan *plan);	/* in each process */
	void (*finish)(const struct plan *plan);	/* in the parent */
	void (*work)(struct worker *worker);	/* NULL: touch own share */
};

extern const struct auto_workload handover, split, interleave, shared, phase,
	steady, bound, bound_cpuset, bound_node, churn, numa01, numa02, hold;
extern const struct auto_workload *const auto_workloads[];
extern const unsigned int nr_auto_workloads;

void cpuset_remove(void);

/* work.c: the processes and their threads */
int work_start(struct plan *plan);
int work_check(const struct plan *plan);
int work_join(struct plan *plan);
void work_kill(void);

void touch_pages(struct worker *worker, const struct share *share,
		 unsigned int nr);
uint64_t worker_count(const struct worker *worker);
void yield_cpu(void);
void worker_pause(struct worker *worker);

/* run.c: one run of a workload */
struct thread_point {
	uint64_t touches;
	double local;		/* part of its pages on its node */
	int node;
	unsigned int share;
};

struct point {
	uint64_t ns;		/* since the start of the run */
	struct counters counts;	/* since the start of the run */
	uint64_t touches;
	double local;		/* mean over threads; -1: no shares */
	struct thread_point *threads;
};

struct auto_sample {
	struct point *points;	/* over time */
	size_t nr_points;
	struct point last;	/* all pages, after the run */
	unsigned int nr_threads;
	uint64_t epochs[AUTO_MAX_SWAPS];	/* ns since the start */
	unsigned int nr_epochs;
	uint64_t t95[AUTO_MAX_SWAPS];	/* after each epoch, or NEVER */
	uint64_t wall_ns;
	uint64_t probe_ns;	/* CPU time of sampling */
	uint64_t user_ns;
	uint64_t sys_ns;
	uint64_t minor_faults;
	uint64_t jobs;
	uint64_t lost_touches;
	uint64_t longest_ns;	/* longest gap of a thread; 0: not measured */
	size_t nr_pages;	/* of all processes */
	size_t settled;		/* first point after --settle */
};

int auto_run(struct auto_sample *sample, struct plan *plan);
void auto_sample_free(struct auto_sample *sample);

/* results.c */
enum figure {
	FIG_T95, FIG_LOCAL, FIG_WORST, FIG_FAULTS, FIG_PTES, FIG_MIGRATED,
	FIG_LATE_FAULTS, FIG_LATE_PTES, FIG_LATE_MIGRATED, FIG_TOUCHES,
	FIG_LATE_TOUCHES, FIG_JOBS, FIG_USER, FIG_SYS, FIG_MINOR, FIG_PER_TOUCH,
	FIG_PROBE, FIG_GAP, NR_FIGURES
};

extern const char *const figure_names[NR_FIGURES];

uint64_t time_to_local(const struct point *points, size_t nr, uint64_t from,
		       uint64_t until);
double figure_of(const struct auto_sample *sample, enum figure figure);

struct auto_row {
	const struct auto_workload *workload;
	enum mode mode;
	enum page_kind kind;
	unsigned int nr_threads;
	unsigned int nr_procs;
	struct auto_sample *samples;
	size_t nr;
	const char *skipped;
};

struct auto_results {
	const struct auto_opts *opts;
	struct auto_row *rows;
	size_t nr;
	bool interrupted;
};

double figure_ratio(const struct auto_results *res, const struct auto_row *row,
		    enum figure figure, enum mode peer);

void auto_table(const struct auto_results *res, FILE *out);
int auto_json(const struct auto_results *res, const char *path);
int auto_csv(const struct auto_results *res, const char *path);

#endif /* NB_AUTO_H */
