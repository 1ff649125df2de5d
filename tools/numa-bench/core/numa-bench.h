/* SPDX-License-Identifier: GPL-2.0 */
/* Declarations shared by all commands; one block per file. */
#ifndef NUMA_BENCH_H
#define NUMA_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define NB_VERSION	"0.1"

/* Exit statuses; NB_INTERRUPTED equals the status of a shell after SIGINT. */
#define NB_OK		0
#define NB_CHECK_FAILED	1
#define NB_USAGE	2
#define NB_SKIP		77
#define NB_INTERRUPTED	130

#define NB_MAX_LIST	16
#define NB_MAX_WORD	64
#define NB_MAX_NODES	1024
#define NB_MAX_THREADS	1024
#define NB_MAX_PAIRS	64
#define NB_MAX_COUNTERS	64

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

static inline void barrier(void)
{
	asm volatile("" ::: "memory");
}

/* parse.c: option values; all parsers return 0, or -1 for a bad value */
struct name_list {
	unsigned int idx[NB_MAX_LIST];
	unsigned int nr;
};

struct size_list {
	size_t bytes[NB_MAX_LIST];
	unsigned int nr;
};

struct num_list {
	int val[NB_MAX_LIST];
	unsigned int nr;
};

struct fraction_list {
	double val[NB_MAX_LIST];
	unsigned int nr;
};

struct argp_state;

int parse_u64(const char *s, uint64_t *val);
int parse_size(const char *s, size_t *bytes);
int parse_sizes(const char *s, struct size_list *list);
int parse_percent(const char *s, double *fraction);
int parse_percents(const char *s, struct fraction_list *list);
int parse_names(const char *s, const char *const *names, size_t nr,
		struct name_list *list);
int parse_numbers(const char *s, unsigned int min, unsigned int max,
		  struct num_list *list);
int parse_windows(const char *s, struct num_list *list);
bool next_word(const char **list, char word[NB_MAX_WORD]);
uint64_t parse_count(const char *arg, uint64_t min, uint64_t max,
		     const char *what, struct argp_state *state);
const char *format_size(size_t bytes, char *buf, size_t len);

/* stats.c */
struct stat_sum {
	double median;
	double min;
	double max;
	double spread_percent;	/* (max - min) / median */
};

uint64_t mix64(uint64_t x);
void sort_doubles(double *values, size_t nr);
void sort_u64(uint64_t *values, size_t nr);
uint64_t percentile_of(const uint64_t *sorted, size_t nr, unsigned int permille);
struct stat_sum stat_of(const double *values, size_t nr);
void shuffle(uint32_t *order, size_t nr, uint64_t seed);

/* topo.c: nodes and CPUs */
struct topo {
	int from;
	int to;
	int write_cpu;	/* on "from"; touch_cpu if that node has no CPU */
	int touch_cpu;	/* on "to" */
};

/* The nodes of each part of an area; parts are consecutive. */
struct pairs {
	struct topo pair[NB_MAX_PAIRS];
	unsigned int nr;
};

int topo_choose(struct topo *topo, int from, int to);
int topo_ring(struct pairs *pairs, unsigned int nodes);
int topo_max_node(void);
bool topo_has_memory(int node);
int topo_first_cpu(int node);
int topo_nth_cpu(int node, unsigned int n);
size_t topo_available_bytes(int node);
int topo_bind_cpu(int cpu);
int topo_set_policy(int mode, int node);
int topo_bind_memory(void *base, size_t bytes, int node, unsigned int flags);

/* mem.c: page sizes; kinds from PAGES_MTHP on depend on the kernel */
enum page_kind { PAGES_4K, PAGES_THP, PAGES_MTHP, NR_PAGE_KINDS = 16 };

extern const char *page_kind_names[NR_PAGE_KINDS];
extern unsigned int nr_page_kinds;

size_t base_page_bytes(void);
void page_kinds_init(void);
size_t page_kind_bytes(enum page_kind kind);
const char *page_kind_setting(enum page_kind kind, char *buf, size_t len);
const char *page_kind_missing(enum page_kind kind);
int page_kind_allow(enum page_kind kind);

/* The memory whose pages are moved */
struct area {
	char *base;
	size_t bytes;
	size_t page_bytes;	/* base page */
	size_t unit_bytes;	/* migrated as a whole: base page or THP */
	size_t nr_pages;	/* base pages */
	enum page_kind kind;
	uint64_t seed;		/* for the contents */
	size_t thps;		/* THPs mapped after populating */
	size_t others;		/* mTHPs of this size before the area was mapped */
};

int area_map(struct area *area, enum page_kind kind, size_t bytes);
void area_fill(struct area *area, unsigned int part, unsigned int parts,
	       uint64_t seed);
size_t area_part_begin(const struct area *area, unsigned int part,
		       unsigned int parts);
size_t area_thps(const struct area *area);
size_t area_mismatches(const struct area *area, const bool *touched,
		       unsigned int touches);
void area_unmap(struct area *area);

/* loops.c: the measured loops */
enum touch_kind { TOUCH_SEQ, TOUCH_RANDOM, TOUCH_STRIDED, NR_TOUCH_KINDS };

extern const char *const touch_kind_names[NR_TOUCH_KINDS];

struct pattern {
	enum touch_kind kind;
	double fraction;	/* of pages to touch, chosen at random */
	size_t stride;		/* pages, for TOUCH_STRIDED */
};

struct touch_plan {
	uint32_t *order;	/* page indices; NULL: all pages in sequence */
	bool *touched;		/* indexed by page */
	size_t nr_pages;	/* to touch */
	size_t *begin;		/* of each part in @order, then the end */
	unsigned int nr_parts;
};

int touch_plan_make(struct touch_plan *plan, const struct area *area,
		    const struct pattern *pattern, unsigned int parts,
		    uint64_t seed);
void touch_plan_free(struct touch_plan *plan);
void touch_run(const struct touch_plan *plan, const struct area *area,
	       unsigned int part);

struct touch_time {
	uint64_t wall_ns;	/* first begin to last end */
	uint64_t cpu_ns;	/* sum over threads */
	uint64_t minor_faults;
	uint64_t major_faults;
};

int team_touch(const struct touch_plan *plan, const struct area *area,
	       const int *cpus, struct touch_time *time);

/* mem.c: the nodes of pages */
struct placement {
	size_t node_pages[NB_MAX_NODES];
	size_t absent_pages;
	size_t moved_pages;		/* now on the target, and not before */
	size_t moved_untouched_pages;	/* moved without having been touched */
	size_t left_behind_pages;	/* touched, but not on the target */
};

int place_query(const struct area *area, int *nodes);
void place_add(struct placement *place, const int *before, const int *after,
	       const bool *touched, size_t nr_pages, int target);

/* counters.c */
#define NB_MAX_EVENTS	6

/* @value is the count of a phase after counters_stop(); 0 if not counted. */
struct perf_count {
	uint64_t value;
	uint64_t enabled_ns;
	uint64_t running_ns;
};

void perf_setup(void);

/* The name that perf-stat(1) prints, or NULL if the event is not counted */
const char *perf_name(unsigned int event);

/*
 * All *_missing() functions return the reason, or NULL if nothing is missing.
 * An event ":u" counts in user space only.
 */
const char *perf_missing(const char *event);

struct counters {
	uint64_t vmstat[NB_MAX_COUNTERS];
	uint64_t minor_faults;
	uint64_t major_faults;
	struct perf_count perf[NB_MAX_EVENTS];
};

int counters_init(void);
unsigned int counters_nr(void);
const char *counters_name(unsigned int idx);
bool counters_known(const char *name);
int counters_start(struct counters *c);
int counters_stop(struct counters *c);
uint64_t counters_get(const struct counters *c, const char *name);

/* method.c: the methods of moving an area */
struct method_args {
	struct area *area;
	const struct pairs *pairs;
	void **pages;	/* these four: for move_pages(2) only */
	int *nodes;
	int *status;
	size_t nr;
};

struct method {
	const char *name;
	bool moves;	/* its total can be compared with others */
	int (*prepare)(struct method_args *args);
	long (*call)(struct method_args *args);	/* timed */
	int (*finish)(struct method_args *args);	/* not timed */
	const char *(*missing)(void);
};

enum { METHOD_NONE, METHOD_MOVE_PAGES, METHOD_MBIND_MOVE, METHOD_MBIND_LAZY,
	METHOD_MPROTECT, METHOD_LOCAL, NR_METHODS };

/* METHOD_LOCAL starts with local pages: the reference for touches only. */
#define NR_MOVE_METHODS	METHOD_LOCAL

extern const struct method methods[NR_METHODS];

int bind_part(struct area *area, unsigned int part, unsigned int parts,
	      int node, unsigned int flags);

/* settings.c: sysctls that are set, and restored at the end */
struct knob {
	const char *path;
	int fd;			/* -1: not open */
	char before[64];	/* original value; of a choice, the selected word */
	int now;
};

int knob_get(const struct knob *knob);
int knob_open(struct knob *knob);
int knob_set(struct knob *knob, int value);
int knob_write(const struct knob *knob, const char *text);
char *knob_word(char *text);
void knobs_restore(void);

/* The sysctl vm.mof_window_pages */
#define WINDOW_MAX	512
#define WINDOW_NONE	-1	/* kernel or method without a window */
#define WINDOW_DEFAULT	-2	/* leave the current setting */

int window_get(void);
int window_setup(void);
int window_set(int pages);

/* limits.c: permissions and memory limits of this process */
const char *mbind_missing(void);
const char *move_pages_missing(void);
int calls_check(void);
const char *memory_missing(size_t bytes);

/* output.c: result files */
struct outputs {
	const char *json_path;
	const char *csv_path;
	bool instructions;	/* 1 ns of the clock is 1 instruction */
};

/* Keys of the options --json, --csv and --unit */
enum { KEY_JSON = 0x600, KEY_CSV, KEY_UNIT };

bool counts_instructions(void);
int outputs_parse(int key, char *arg, struct outputs *outputs,
		  struct argp_state *state);
int outputs_check(const struct outputs *outputs);
bool outputs_stdout(const struct outputs *outputs);
int output_close(FILE *out, const char *path, const char *option);
FILE *output_open(const char *path, const char *option);
int output_flush(void);

/* settings.c: settings to report; "" if a file does not exist */
struct setting {
	const char *name;
	const char *path;
};

extern const struct setting settings[];
extern const size_t nr_settings;

const char *read_line(const char *path, char *buf, size_t len);
const char *cpu_field(const char *field, char *buf, size_t len);

/* Clocks, progress on a terminal, signals */
uint64_t now_ns(void);
uint64_t thread_cpu_ns(void);
void sleep_until(uint64_t ns);
void progress_show(size_t now, size_t all, const char *name,
		   enum page_kind kind, const char *more);
void progress_clear(void);
void interrupt_setup(void (*last)(void));
bool interrupted(void);

/* The commands */
int migrate_main(int argc, char **argv);
int touch_main(int argc, char **argv);
int latency_main(int argc, char **argv);
int scale_main(int argc, char **argv);
int auto_main(int argc, char **argv);
int compare_main(int argc, char **argv);
int info_main(int argc, char **argv);

#endif /* NUMA_BENCH_H */
