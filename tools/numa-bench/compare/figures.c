// SPDX-License-Identifier: GPL-2.0
/*
 * Results of earlier runs: the rows of a file, the values of a figure in the
 * samples of a row, and the ratio of two sets of values.
 */
#include <assert.h>
#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"

/* Members of a row; if a row lacks one, the options of the run have it. */
static const char *const members[NR_FIELDS] = {
	[FIELD_WORKLOAD] = "workload",
	[FIELD_MODE] = "mode",
	[FIELD_METHOD] = "method",
	[FIELD_PAGES] = "page_size",
	[FIELD_SIZE] = "size_bytes",
	[FIELD_WINDOW] = "window",
	[FIELD_TOUCH] = "touch",
	[FIELD_PERCENT] = "touched_percent",
	[FIELD_STRIDE] = "stride_pages",
	[FIELD_THREADS] = "threads",
	[FIELD_PROCESSES] = "processes",
	[FIELD_NODES] = "nodes",
};

static int bad_file(const struct cmp_file *file, const char *what)
{
	fprintf(stderr,
		"numa-bench: %s: %s; give files that numa-bench wrote with --json\n",
		file->path, what);
	return -1;
}

/* NULL if there is no such member or its value is null */
struct json_object *cmp_member(struct json_object *obj, const char *key)
{
	struct json_object *val = NULL;

	if (json_object_is_type(obj, json_type_object))
		json_object_object_get_ex(obj, key, &val);
	return val;
}

const char *cmp_string(struct json_object *obj, const char *key)
{
	struct json_object *val = cmp_member(obj, key);

	return json_object_is_type(val, json_type_string) ?
		json_object_get_string(val) : "";
}

static char *field_text(struct json_object *val, enum cmp_field field,
			bool window_default)
{
	char buf[64];

	if (field == FIELD_WINDOW && window_default)
		return strdup("window default");
	switch (field) {
	case FIELD_SIZE:
		format_size((size_t)json_object_get_uint64(val), buf, sizeof(buf));
		break;
	case FIELD_PERCENT:
		snprintf(buf, sizeof(buf), "%g%%", json_object_get_double(val));
		break;
	case FIELD_WINDOW:
	case FIELD_STRIDE:
	case FIELD_THREADS:
	case FIELD_PROCESSES:
	case FIELD_NODES:
		snprintf(buf, sizeof(buf), "%s %d",
			 field == FIELD_STRIDE ? "stride" : members[field],
			 json_object_get_int(val));
		break;
	default:
		return strdup(json_object_get_string(val));
	}
	return strdup(buf);
}

static int load_row(const struct cmp_file *file, struct json_object *obj,
		    struct cmp_row *row)
{
	struct json_object *options = cmp_member(file->root, "options");
	struct json_object *windows = cmp_member(options, "windows");
	/* Whether the run left the window at its default, whatever its size. */
	bool window_default = json_object_is_type(windows, json_type_array) &&
		json_object_array_length(windows) == 1 &&
		json_object_is_type(json_object_array_get_idx(windows, 0),
				    json_type_string);

	row->field[FIELD_COMMAND] = strdup(file->command);
	for (int i = FIELD_COMMAND + 1; i < NR_FIELDS; i++) {
		struct json_object *val = cmp_member(obj, members[i]);

		if (!val)
			val = cmp_member(options, members[i]);
		/* A list is an option of the run, not the value of a row. */
		if (!val || json_object_is_type(val, json_type_array))
			continue;
		row->field[i] = field_text(val, i, window_default);
		if (!row->field[i])
			return -1;
	}
	row->samples = cmp_member(obj, "samples");
	if (!json_object_is_type(row->samples, json_type_array))
		row->samples = NULL;
	row->area_pages = json_object_get_double(cmp_member(obj, "area_pages"));
	row->skipped = cmp_string(obj, "skipped");
	return row->field[FIELD_COMMAND] ? 0 : -1;
}

static int load_rows(struct cmp_file *file)
{
	struct json_object *list = cmp_member(file->root, "results");
	size_t nr;

	if (strcmp(cmp_string(file->root, "program"), "numa-bench") ||
	    !json_object_is_type(list, json_type_array))
		return bad_file(file, "these are no results of numa-bench");
	nr = json_object_array_length(list);
	file->rows = calloc(nr + 1, sizeof(*file->rows));
	if (!file->rows)
		return bad_file(file, "no memory for its rows");
	while (file->nr < nr) {
		struct json_object *row = json_object_array_get_idx(list, file->nr);

		if (!json_object_is_type(row, json_type_object))
			return bad_file(file, "a row is no object");
		if (load_row(file, row, &file->rows[file->nr++]))
			return bad_file(file, "no memory for its rows");
	}
	return 0;
}

int cmp_load(struct cmp_file *file, const char *path)
{
	memset(file, 0, sizeof(*file));
	file->path = path;
	file->root = json_object_from_file(path);
	if (!file->root) {
		fprintf(stderr, "numa-bench: cannot read %s as JSON: %s\n", path,
			json_util_get_last_err());
		return -1;
	}
	file->command = cmp_string(file->root, "workload");
	file->unit = cmp_string(file->root, "clock_unit");
	return load_rows(file);
}

void cmp_unload(struct cmp_file *file)
{
	for (size_t i = 0; i < file->nr; i++)
		for (int f = 0; f < NR_FIELDS; f++)
			free(file->rows[i].field[f]);
	free(file->rows);
	json_object_put(file->root);
	memset(file, 0, sizeof(*file));
}

bool cmp_field_differs(const struct cmp_row *a, const struct cmp_row *b,
		       int field)
{
	const char *x = a->field[field], *y = b->field[field];

	return x && y ? strcmp(x, y) : x != y;
}

/* A row with the same fields that has not been found yet, or NULL */
struct cmp_row *cmp_find(const struct cmp_file *file, const struct cmp_row *row)
{
	for (size_t i = 0; i < file->nr; i++) {
		struct cmp_row *other = &file->rows[i];
		int f = 0;

		while (f < NR_FIELDS && !cmp_field_differs(other, row, f))
			f++;
		if (f == NR_FIELDS && !other->found)
			return other;
	}
	return NULL;
}

#define MOVES	"migrate touch scale"

const struct cmp_metric cmp_metrics[] = {
	{ .name = "total", .commands = "migrate scale", .judged = true,
	  .member = { "/call/time_ns", "/first_touch/time_ns" },
	  .per = "/touched_pages" },
	{ .name = "call", .commands = MOVES, .member = { "/call/time_ns" },
	  .per = "area" },
	{ .name = "1st-touch", .commands = "touch", .judged = true,
	  .member = { "/first_touch/time_ns" }, .per = "/touched_pages" },
	{ .name = "1st-touch", .commands = "migrate scale",
	  .member = { "/first_touch/time_ns" }, .per = "/touched_pages" },
	{ .name = "2nd-touch", .commands = "touch", .judged = true,
	  .member = { "/second_touch/time_ns" }, .per = "/touched_pages" },
	{ .name = "2nd-touch", .commands = "migrate scale",
	  .member = { "/second_touch/time_ns" }, .per = "/touched_pages" },
	{ .name = "1st-wall", .commands = MOVES,
	  .member = { "/first_touch/wall_ns" }, .per = "/touched_pages" },
	{ .name = "left", .commands = MOVES " latency",
	  .member = { "/left_behind_pages" } },
	{ .name = "m/touch", .commands = MOVES " latency",
	  .member = { "/moved_per_touched" } },
	{ .name = "mean", .commands = "latency", .member = { "/mean_ns" },
	  .judged = true },
	{ .name = "p50", .commands = "latency", .member = { "/p50_ns" },
	  .judged = true },
	{ .name = "p90", .commands = "latency", .member = { "/p90_ns" } },
	{ .name = "p99", .commands = "latency", .member = { "/p99_ns" },
	  .judged = true },
	{ .name = "p99.9", .commands = "latency", .member = { "/p999_ns" } },
	{ .name = "max", .commands = "latency", .member = { "/max_ns" } },
	{ .name = "t95", .commands = "auto", .judged = true,
	  .member = { "/time_to_95_percent_ns" }, .null_is_never = true },
	{ .name = "local%", .commands = "auto", .judged = true,
	  .member = { "/final_local_percent" }, .more_is_better = true },
	{ .name = "worst%", .commands = "auto", .more_is_better = true,
	  .member = { "/final_worst_thread_local_percent" } },
	{ .name = "faults", .commands = "auto", .member = { "/hint_faults" },
	  .judged = true },
	{ .name = "late-faults", .commands = "auto",
	  .member = { "/late_hint_faults" } },
	{ .name = "PTEs", .commands = "auto", .member = { "/pte_updates" } },
	{ .name = "moved", .commands = "auto", .member = { "/migrated_pages" } },
	{ .name = "touches", .commands = "auto", .member = { "/touches" },
	  .judged = true, .more_is_better = true },
	{ .name = "sys", .commands = "auto", .member = { "/sys_ns" } },
	{ .name = "gap", .commands = "auto", .member = { "/longest_gap_ns" } },
};

const size_t cmp_nr_metrics = ARRAY_SIZE(cmp_metrics);

static_assert(ARRAY_SIZE(cmp_metrics) <= CMP_MAX_METRICS, "CMP_MAX_METRICS is too small");

bool cmp_metric_of(const struct cmp_metric *metric, const char *command)
{
	const char *hit = strstr(metric->commands, command);
	size_t len = strlen(command);

	return hit && len && (hit[len] == '\0' || hit[len] == ' ');
}

/* NAN if the sample does not have it */
static double value_at(struct json_object *sample, const char *path)
{
	struct json_object *val = NULL;

	json_pointer_get(sample, path, &val);
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

/* Values of all samples that have it, to be freed; NULL if there are none. */
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

#define DRAWS		2000
#define OUTSIDE		(DRAWS / 40)	/* 2.5% on each side */

static double median_of(double *values, size_t nr)
{
	sort_doubles(values, nr);
	return (values[(nr - 1) / 2] + values[nr / 2]) / 2;
}

/* The ratio of 0 to 0, and of two infinite times, is 1. */
static double ratio_of(double a, double b)
{
	if (a == b)
		return 1;
	return isinf(a) ? 0 : b / a;
}

static double drawn_median(const double *values, size_t nr, uint64_t seed,
			   double *room)
{
	for (size_t i = 0; i < nr; i++)
		room[i] = values[mix64(seed + i) % nr];
	return median_of(room, nr);
}

/*
 * Percentile bootstrap: draw both sides from their samples with replacement;
 * the interval contains 95% of the ratios of drawn medians. With few samples,
 * it is about as wide as their spread.
 */
static void bootstrap(struct cmp_ratio *out, const double *a, size_t nr_a,
		      const double *b, size_t nr_b, uint64_t seed)
{
	size_t most = nr_a > nr_b ? nr_a : nr_b;
	double *room = malloc((most + DRAWS) * sizeof(*room));
	double *ratios = room + most;

	if (!room)
		return;
	for (uint64_t i = 0; i < DRAWS; i++) {
		uint64_t draw = mix64(seed + i);
		double drawn_a = drawn_median(a, nr_a, draw, room);

		ratios[i] = ratio_of(drawn_a, drawn_median(b, nr_b, ~draw, room));
	}
	sort_doubles(ratios, DRAWS);
	out->low = ratios[OUTSIDE];
	out->high = ratios[DRAWS - 1 - OUTSIDE];
	free(room);
}

/* Needs at least one value on each side, and no NAN. */
struct cmp_ratio cmp_ratio(const double *a, size_t nr_a, const double *b,
			   size_t nr_b, uint64_t seed)
{
	struct cmp_ratio out = {
		.a = stat_of(a, nr_a).median, .b = stat_of(b, nr_b).median,
		.single = nr_a < 2 || nr_b < 2,
	};

	out.ratio = ratio_of(out.a, out.b);
	out.low = out.ratio;
	out.high = out.ratio;
	if (!out.single)
		bootstrap(&out, a, nr_a, b, nr_b, mix64(seed));
	return out;
}

/* Different if beyond the threshold and 1 is outside the interval. */
enum verdict cmp_judge(const struct cmp_ratio *ratio, bool more_is_better,
		       double threshold)
{
	bool up = ratio->ratio > 1 + threshold;
	bool down = ratio->ratio < 1 / (1 + threshold);

	if (!up && !down)
		return SAME;
	if (up ? ratio->low <= 1 : ratio->high >= 1)
		return UNSURE;
	return up == more_is_better ? BETTER : WORSE;
}
