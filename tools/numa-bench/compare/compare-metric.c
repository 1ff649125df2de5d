// SPDX-License-Identifier: GPL-2.0
/* Which figures of a sample "numa-bench compare" compares. */
#include <assert.h>
#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"

#define MOVES	"migrate touch scale"

const struct cmp_metric cmp_metrics[] = {
	{ .name = "total", .commands = "migrate scale", .judged = true,
	  .member = { "call.time_ns", "first_touch.time_ns" },
	  .per = "touched_pages" },
	{ .name = "call", .commands = MOVES, .member = { "call.time_ns" },
	  .per = "area" },
	{ .name = "1st-touch", .commands = "touch", .judged = true,
	  .member = { "first_touch.time_ns" }, .per = "touched_pages" },
	{ .name = "1st-touch", .commands = "migrate scale",
	  .member = { "first_touch.time_ns" }, .per = "touched_pages" },
	{ .name = "2nd-touch", .commands = "touch", .judged = true,
	  .member = { "second_touch.time_ns" }, .per = "touched_pages" },
	{ .name = "2nd-touch", .commands = "migrate scale",
	  .member = { "second_touch.time_ns" }, .per = "touched_pages" },
	{ .name = "1st-wall", .commands = MOVES,
	  .member = { "first_touch.wall_ns" }, .per = "touched_pages" },
	{ .name = "left", .commands = MOVES " latency",
	  .member = { "left_behind_pages" } },
	{ .name = "m/touch", .commands = MOVES " latency",
	  .member = { "moved_per_touched" } },
	{ .name = "mean", .commands = "latency", .member = { "mean_ns" },
	  .judged = true },
	{ .name = "p50", .commands = "latency", .member = { "p50_ns" },
	  .judged = true },
	{ .name = "p90", .commands = "latency", .member = { "p90_ns" } },
	{ .name = "p99", .commands = "latency", .member = { "p99_ns" },
	  .judged = true },
	{ .name = "p99.9", .commands = "latency", .member = { "p999_ns" } },
	{ .name = "max", .commands = "latency", .member = { "max_ns" } },
	{ .name = "t95", .commands = "auto", .judged = true,
	  .member = { "time_to_95_percent_ns" }, .null_is_never = true },
	{ .name = "local%", .commands = "auto", .judged = true,
	  .member = { "final_local_percent" }, .more_is_better = true },
	{ .name = "worst%", .commands = "auto", .more_is_better = true,
	  .member = { "final_worst_thread_local_percent" } },
	{ .name = "faults", .commands = "auto", .member = { "hint_faults" },
	  .judged = true },
	{ .name = "late-faults", .commands = "auto",
	  .member = { "late_hint_faults" } },
	{ .name = "PTEs", .commands = "auto", .member = { "pte_updates" } },
	{ .name = "moved", .commands = "auto", .member = { "migrated_pages" } },
	{ .name = "touches", .commands = "auto", .member = { "touches" },
	  .judged = true, .more_is_better = true },
	{ .name = "sys", .commands = "auto", .member = { "sys_ns" } },
	{ .name = "gap", .commands = "auto", .member = { "longest_gap_ns" } },
};

const size_t cmp_nr_metrics = ARRAY_SIZE(cmp_metrics);

static_assert(ARRAY_SIZE(cmp_metrics) <= CMP_MAX_METRICS, "more than can be chosen from");

bool cmp_metric_of(const struct cmp_metric *metric, const char *command)
{
	const char *hit = strstr(metric->commands, command);
	size_t len = strlen(command);

	return hit && len && (hit[len] == '\0' || hit[len] == ' ');
}

/* "call.time_ns" of a sample; NULL where there is no such member */
static struct json_object *look_up(struct json_object *obj, const char *path)
{
	char *copy = strdup(path), *rest = copy, *word;

	while (copy && obj && (word = strsep(&rest, "."))) {
		struct json_object *next = NULL;

		if (json_object_is_type(obj, json_type_object))
			json_object_object_get_ex(obj, word, &next);
		obj = next;
	}
	free(copy);
	return obj;
}

/* NAN where the sample does not have it */
static double value_at(struct json_object *sample, const char *path)
{
	struct json_object *val = look_up(sample, path);

	return json_object_is_type(val, json_type_int) ||
	       json_object_is_type(val, json_type_double) ?
		json_object_get_double(val) : NAN;
}

static double value_of(const struct cmp_row *row, struct json_object *sample,
		       const struct cmp_metric *metric)
{
	double sum = 0, divisor = 1;

	for (size_t i = 0; i < ARRAY_SIZE(metric->member); i++)
		if (metric->member[i])
			sum += value_at(sample, metric->member[i]);
	if (metric->per)
		divisor = !strcmp(metric->per, "area") ? row->area_pages :
			value_at(sample, metric->per);
	if (isnan(sum) && metric->null_is_never)
		return INFINITY;
	return divisor > 0 ? sum / divisor : NAN;
}

/* Of all samples that have it, to be freed; NULL: none, or no memory */
double *cmp_values(const struct cmp_row *row, const struct cmp_metric *metric,
		   size_t *nr)
{
	size_t all = row->samples ? json_object_array_length(row->samples) : 0;
	double *values = all ? calloc(all, sizeof(*values)) : NULL;

	*nr = 0;
	for (size_t i = 0; values && i < all; i++) {
		struct json_object *sample = json_object_array_get_idx(row->samples, i);
		double value = value_of(row, sample, metric);

		if (!isnan(value))
			values[(*nr)++] = value;
	}
	if (*nr)
		return values;
	free(values);
	return NULL;
}
