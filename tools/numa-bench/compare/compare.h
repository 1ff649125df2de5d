/* SPDX-License-Identifier: GPL-2.0 */
/* figures.c: results read from a file, and what can be compared */
#ifndef NB_COMPARE_H
#define NB_COMPARE_H

#include "numa-bench.h"

struct json_object;

/* Fields that identify a row */
enum cmp_field {
	FIELD_COMMAND, FIELD_WORKLOAD, FIELD_MODE, FIELD_METHOD, FIELD_PAGES,
	FIELD_SIZE, FIELD_WINDOW, FIELD_TOUCH, FIELD_PERCENT, FIELD_STRIDE,
	FIELD_THREADS, FIELD_PROCESSES, FIELD_NODES, NR_FIELDS
};

struct cmp_row {
	char *field[NR_FIELDS];		/* as printed, or NULL */
	struct json_object *samples;	/* owned by the file; may be NULL */
	double area_pages;
	const char *skipped;
	bool found;			/* in the other file */
};

struct cmp_file {
	const char *path;
	struct json_object *root;
	const char *command;
	const char *unit;
	struct cmp_row *rows;
	size_t nr;
};

int cmp_load(struct cmp_file *file, const char *path);
void cmp_unload(struct cmp_file *file);
bool cmp_field_differs(const struct cmp_row *a, const struct cmp_row *b,
		       int field);
struct cmp_row *cmp_find(const struct cmp_file *file, const struct cmp_row *row);
struct json_object *cmp_member(struct json_object *obj, const char *key);
const char *cmp_string(struct json_object *obj, const char *key);

/* A figure of a sample */
struct cmp_metric {
	const char *name;
	const char *commands;	/* whose samples have it */
	const char *member[2];	/* paths such as "/call/time_ns"; summed */
	const char *per;	/* divisor: a path, or "area" for all pages */
	bool more_is_better;
	bool judged;		/* compared by default */
	bool null_is_never;	/* null means infinite time */
};

#define CMP_MAX_METRICS	32

extern const struct cmp_metric cmp_metrics[];
extern const size_t cmp_nr_metrics;

bool cmp_metric_of(const struct cmp_metric *metric, const char *command);
double *cmp_values(const struct cmp_row *row, const struct cmp_metric *metric,
		   size_t *nr);

/* A ratio of medians, and its confidence interval */
struct cmp_ratio {
	double a;	/* medians */
	double b;
	double ratio;	/* b / a */
	double low;	/* 95% interval of the ratio */
	double high;
	bool single;	/* only one sample on a side: no interval */
};

enum verdict { SAME, UNSURE, BETTER, WORSE };

struct cmp_ratio cmp_ratio(const double *a, size_t nr_a, const double *b,
			   size_t nr_b, uint64_t seed);
enum verdict cmp_judge(const struct cmp_ratio *ratio, bool more_is_better,
		       double threshold);

#endif /* NB_COMPARE_H */
