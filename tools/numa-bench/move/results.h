/* SPDX-License-Identifier: GPL-2.0 */
/* Options, samples and results of migrate, touch, latency and scale */
#ifndef NB_RESULTS_H
#define NB_RESULTS_H

#include "numa-bench.h"

/* options.c */
struct bench_opts {
	struct size_list sizes;
	struct name_list methods;
	struct name_list page_kinds;
	struct num_list threads;	/* on each target node */
	struct num_list nodes;		/* 1: @from and @to */
	struct num_list windows;	/* pages, or WINDOW_DEFAULT */
	struct name_list touches;
	struct fraction_list fractions;
	size_t stride;	/* pages */
	bool patterns;	/* touch: lists of orders and fractions, METHOD_LOCAL */
	uint64_t warm_ups;
	int from;	/* -1: choose */
	int to;
	uint64_t repeat;
	uint64_t seed;
	struct outputs out;
	bool perf;		/* count events */
	int argc;
	char **argv;
};

/* Options that not all workloads have */
enum { KEY_METHOD = 'm', KEY_THREADS = 0x200, KEY_NODES };

struct argp_option;
struct json_object;
struct workload;

void bench_defaults(struct bench_opts *opts);
void bench_parse(struct bench_opts *opts, const struct workload *workload,
		 int argc, char **argv);
bool sets_windows(const struct bench_opts *opts);

/* sample.c: an area is filled, moved, touched and examined */
enum phase { PHASE_CALL, PHASE_FIRST, PHASE_SECOND, NR_PHASES };

extern const char *const phase_names[NR_PHASES];

/* Durations of single touches, sorted; only for the workload "latency" */
struct touch_times {
	uint64_t *fault_ns;	/* touches that took a fault */
	uint64_t *hit_ns;	/* the others */
	size_t nr_faulting;
	size_t nr_hits;
	uint64_t faults;
	uint64_t clock_ns;	/* already subtracted from each duration */
};

struct sample {
	uint64_t ns[NR_PHASES];		/* cost, see measure_touch() */
	uint64_t wall_ns[NR_PHASES];
	struct counters counts[NR_PHASES];
	long call_result;
	int call_errno;
	struct placement place;
	size_t thps_before;
	size_t thps_after;
	size_t mismatched_pages;
	size_t touched_pages;
	struct touch_times times;
};

struct row {
	const struct method *method;
	enum page_kind kind;
	size_t bytes;
	unsigned int threads;	/* on each target node */
	const struct pairs *pairs;
	unsigned int nodes;	/* see bench_opts */
	struct pattern pattern;
	int window;		/* pages, or WINDOW_NONE */
	struct sample *samples;
	size_t nr;
	const char *skipped;	/* reason, or NULL */
};

/* In ns for the whole area, unless the name says per page or per THP */
struct row_sum {
	struct stat_sum phase[NR_PHASES];
	struct stat_sum total;	/* call and first touch */
	double baseline_ns;	/* cost of the loop */
	double per_page[NR_PHASES];
	double wall_per_page;	/* first touch */
	double total_per_page;	/* without cost of the loop */
	double total_per_thp;
	double moved_per_touched;
	double call_ratio;	/* to mbind-move; 0: unknown */
	double total_ratio;
};

struct results {
	const struct workload *workload;
	const struct bench_opts *opts;
	struct topo topo;
	struct pairs *pairs;	/* one per entry of opts->nodes */
	struct pairs local;	/* for METHOD_LOCAL */
	struct row *rows;
	size_t nr;
	size_t group;	/* adjacent rows that differ in method and window only */
	bool interrupted;
};

/* results.c */
double moved_per_touched(const struct sample *s);
const struct row *row_peer(const struct results *res, const struct row *row,
			   int method);
struct row_sum row_sum(const struct results *res, const struct row *row);
int results_status(const struct results *res);

int sample_take(const struct results *res, const struct row *row,
		struct sample *sample, uint64_t seed);

void report_header(const struct results *res, FILE *out);
void report_group(const struct row *row, FILE *out);
void report_method(const struct row *row, FILE *out);
void report_ratio(double ratio, FILE *out);
bool report_left_out(const struct row *row, FILE *out);
void report_perf(const struct row *row, FILE *out);
void report_end(const struct results *res, FILE *out);
int json_write(const struct results *res, const char *path);
int csv_write(const struct results *res, const char *path);
void csv_row_key(const struct row *row, FILE *out);

/* run.c */
struct workload {
	const char *name;
	const char *doc;
	const struct argp_option *options;	/* besides the common ones */
	/* NULL: time the first touch as a whole */
	int (*first_touch)(const struct touch_plan *plan,
			   const struct area *area, struct sample *sample);
	void (*table)(const struct results *res, FILE *out);
	void (*json)(const struct results *res, const struct row *row,
		     struct json_object *obj);
	const char *const *columns;	/* of CSV, after csv_row_key() */
	void (*csv)(const struct row *row, FILE *out);
};

int bench_run(const struct workload *workload, const struct bench_opts *opts);

/* latency.c */
extern const struct workload latency;

void times_free(struct touch_times *times);

/* Touches that took a fault, without the cost of reading the clock */
struct latency_sum {
	uint64_t *sorted_ns;
	size_t nr_faulting;
	size_t faults;		/* a touch may take two */
	size_t touched_pages;
	double mean_ns;
	uint64_t p50_ns;
	uint64_t p90_ns;
	uint64_t p99_ns;
	uint64_t p999_ns;
	uint64_t max_ns;
	uint64_t hit_p50_ns;	/* touches without a fault */
};

/* Sum over @nr samples; to be freed */
int latency_sum(struct latency_sum *sum, const struct sample *samples, size_t nr);
void latency_sum_free(struct latency_sum *sum);

/* How often the first value of a sorted array occurs in it */
size_t run_length(const uint64_t *sorted, size_t nr);

/* migrate.c */
extern const struct workload migrate;

void ratio_json(struct json_object *obj, const char *key, double ratio);
void migrate_json(const struct results *res, const struct row *row,
		  struct json_object *obj);
extern const char *const migrate_columns[];
void migrate_csv(const struct row *row, FILE *out);

#endif /* NB_RESULTS_H */
