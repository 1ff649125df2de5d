// SPDX-License-Identifier: GPL-2.0
/* The workload "migrate": what each method costs, in the call and after it. */
#include <argp.h>
#include <string.h>

#include "json-put.h"
#include "results.h"

static void print_head(const struct row *row, FILE *out)
{
	report_group(row, out);
	fprintf(out, "%-11s %6s %9s %9s %9s %9s %5s %7s %7s %7s %7s %8s %8s %7s %8s",
		"method", "window", "call", "1st-touch", "2nd-touch", "total", "+-%",
		"x-call", "x-total", "hints", "minflt", "pgmigr", "moved",
		"m/touch", "left");
	if (row->kind != PAGES_4K)
		fprintf(out, " %12s %9s", "total/THP", "THPs");
	if (row->threads > 1)
		fprintf(out, " %9s", "1st-wall");
	fprintf(out, "  %s\n", "node:pages");
}

static double count_of(const struct sample *s, const char *name)
{
	double sum = 0;

	for (int p = 0; p < NR_PHASES; p++)
		sum += (double)counters_get(&s->counts[p], name);
	return sum;
}

static void print_costs(const struct row *row, const struct row_sum *sum,
			FILE *out)
{
	for (int p = 0; p < NR_PHASES; p++)
		fprintf(out, " %9.1f", sum->per_page[p]);
	if (row->method->moves)
		fprintf(out, " %9.1f", sum->total_per_page);
	else
		fprintf(out, " %9s", "-");
	fprintf(out, " %5.1f", sum->total.spread_percent);
	report_ratio(sum->call_ratio, out);
	report_ratio(sum->total_ratio, out);
}

static void print_nodes(const struct placement *place, FILE *out)
{
	fputc(' ', out);
	for (int node = 0; node < NB_MAX_NODES; node++)
		if (place->node_pages[node])
			fprintf(out, " %d:%zu", node, place->node_pages[node]);
	if (place->absent_pages)
		fprintf(out, " absent:%zu", place->absent_pages);
}

/* Counts and placement of the last sample; JSON has those of all samples. */
static void print_counts(const struct row *row, const struct row_sum *sum,
			 FILE *out)
{
	const struct sample *s = &row->samples[row->nr - 1];
	uint64_t minor = s->counts[PHASE_FIRST].minor_faults +
			 s->counts[PHASE_SECOND].minor_faults;

	fprintf(out, " %7.0f %7llu %8.0f %8zu %7.3f %8zu",
		count_of(s, "numa_hint_faults"), (unsigned long long)minor,
		count_of(s, "pgmigrate_success"), s->place.moved_pages,
		sum->moved_per_touched, s->place.left_behind_pages);
	if (row->kind != PAGES_4K) {
		if (row->method->moves)
			fprintf(out, " %12.0f", sum->total_per_thp);
		else
			fprintf(out, " %12s", "-");
		fprintf(out, " %4zu/%-4zu", s->thps_after, s->thps_before);
	}
	if (row->threads > 1)
		fprintf(out, " %9.1f", sum->wall_per_page);
	print_nodes(&s->place, out);
	if (s->mismatched_pages)
		fprintf(out, " WRONG CONTENTS: %zu pages", s->mismatched_pages);
	fputc('\n', out);
}

static void print_row(const struct results *res, const struct row *row,
		      FILE *out)
{
	struct row_sum sum;

	report_method(row, out);
	if (report_left_out(row, out))
		return;
	sum = row_sum(res, row);
	print_costs(row, &sum, out);
	print_counts(row, &sum, out);
}

/* Counters of migrate-on-fault that are not 0 */
static void print_mof_counters(const struct row *row, FILE *out)
{
	const struct sample *s = &row->samples[row->nr - 1];
	bool any = false;
	char window[16] = "";

	if (row->window != WINDOW_NONE)
		snprintf(window, sizeof(window), " %d", row->window);
	for (unsigned int i = 0; i < counters_nr(); i++) {
		const char *name = counters_name(i);
		double val = count_of(s, name);

		if (strncmp(name, "mof_", 4) || !val)
			continue;
		if (!any)
			fprintf(out, "  %s%s:", row->method->name, window);
		fprintf(out, " %s %.0f", name, val);
		any = true;
	}
	if (any)
		fputc('\n', out);
}

static void migrate_table(const struct results *res, FILE *out)
{
	size_t group = res->group;

	report_header(res, out);
	fprintf(out,
		"%s per 4 KiB page, medians; total: call and first touch without the loop's own cost\n",
		res->opts->out.instructions ? "Instructions" : "ns");
	fprintf(out,
		"x-call, x-total: ratio to mbind-move; hints, minflt: hinting and minor faults; m/touch: moved per touched; left: touched, not on node %d\n",
		res->topo.to);
	for (size_t i = 0; i < res->nr; i++) {
		if (i % group == 0)
			print_head(&res->rows[i], out);
		print_row(res, &res->rows[i], out);
		report_perf(&res->rows[i], out);
		if (i % group != group - 1)
			continue;
		for (size_t j = i + 1 - group; j <= i; j++)
			if (res->rows[j].nr)
				print_mof_counters(&res->rows[j], out);
	}
	report_end(res, out);
}

/* Counters have the kernel's names; those that are 0 are omitted. */
static struct json_object *json_phase(const struct sample *s, enum phase phase)
{
	const struct counters *c = &s->counts[phase];
	struct json_object *obj = json_object_new_object();
	struct json_object *vmstat = json_object_new_object();
	struct json_object *perf = json_object_new_object();

	for (unsigned int i = 0; i < counters_nr(); i++)
		if (c->vmstat[i])
			put_u64(vmstat, counters_name(i), c->vmstat[i]);
	put_u64(obj, "time_ns", s->ns[phase]);
	put_u64(obj, "wall_ns", s->wall_ns[phase]);
	put_u64(obj, "minor_faults", c->minor_faults);
	put_u64(obj, "major_faults", c->major_faults);
	put(obj, "vmstat", vmstat);
	for (unsigned int i = 0; i < NB_MAX_EVENTS; i++)
		if (perf_name(i))
			put_u64(perf, perf_name(i), c->perf[i].value);
	if (json_object_object_length(perf))
		put(obj, "perf", perf);
	else
		json_object_put(perf);
	return obj;
}

static struct json_object *json_sample(const struct sample *s)
{
	struct json_object *obj = json_object_new_object();
	struct json_object *nodes = json_object_new_object();
	char key[16];

	for (int node = 0; node < NB_MAX_NODES; node++) {
		snprintf(key, sizeof(key), "%d", node);
		if (s->place.node_pages[node])
			put_u64(nodes, key, s->place.node_pages[node]);
	}
	for (int p = 0; p < NR_PHASES; p++)
		put(obj, phase_names[p], json_phase(s, p));
	put(obj, "call_result", json_object_new_int64(s->call_result));
	put(obj, "call_errno", json_object_new_int(s->call_errno));
	put_u64(obj, "touched_pages", s->touched_pages);
	put_u64(obj, "moved_pages", s->place.moved_pages);
	put_u64(obj, "moved_untouched_pages", s->place.moved_untouched_pages);
	put_double(obj, "moved_per_touched", moved_per_touched(s));
	put_u64(obj, "left_behind_pages", s->place.left_behind_pages);
	put_u64(obj, "absent_pages", s->place.absent_pages);
	put(obj, "node_pages", nodes);
	put_u64(obj, "thps_before", s->thps_before);
	put_u64(obj, "thps_after", s->thps_after);
	put_u64(obj, "mismatched_pages", s->mismatched_pages);
	return obj;
}

static struct json_object *json_stat(const struct stat_sum *stat)
{
	struct json_object *obj = json_object_new_object();

	put_double(obj, "median_ns", stat->median);
	put_double(obj, "min_ns", stat->min);
	put_double(obj, "max_ns", stat->max);
	put_double(obj, "spread_percent", stat->spread_percent);
	return obj;
}

/* null if unknown */
void ratio_json(struct json_object *obj, const char *key, double ratio)
{
	put(obj, key, ratio > 0 ? json_object_new_double(ratio) : NULL);
}

static struct json_object *json_summary(const struct results *res, const struct row *row)
{
	struct json_object *obj = json_object_new_object();
	struct row_sum sum = row_sum(res, row);
	char key[48];

	for (int p = 0; p < NR_PHASES; p++) {
		put(obj, phase_names[p], json_stat(&sum.phase[p]));
		snprintf(key, sizeof(key), "%s_per_page_ns", phase_names[p]);
		put_double(obj, key, sum.per_page[p]);
	}
	put_double(obj, "first_touch_wall_per_page_ns", sum.wall_per_page);
	put(obj, "call_and_first_touch", json_stat(&sum.total));
	put_double(obj, "loop_ns", sum.baseline_ns);
	put_double(obj, "total_per_page_ns", sum.total_per_page);
	if (row->kind != PAGES_4K)
		put_double(obj, "total_per_thp_ns", sum.total_per_thp);
	put_double(obj, "moved_per_touched", sum.moved_per_touched);
	ratio_json(obj, "call_to_mbind_move_ratio", sum.call_ratio);
	ratio_json(obj, "total_to_mbind_move_ratio", sum.total_ratio);
	return obj;
}

void migrate_json(const struct results *res, const struct row *row,
		  struct json_object *obj)
{
	struct json_object *samples = json_object_new_array();

	for (size_t i = 0; i < row->nr; i++)
		json_object_array_add(samples, json_sample(&row->samples[i]));
	put(obj, "samples", samples);
	put(obj, "summary", row->nr ? json_summary(res, row) : NULL);
}

const char *const migrate_columns[] = {
	"sample", "call_ns", "first_touch_ns", "second_touch_ns",
	"first_touch_wall_ns", "second_touch_wall_ns",
	"touched_pages", "moved_pages", "moved_untouched_pages",
	"left_behind_pages", "mismatched_pages", "moved_per_touched", NULL
};

void migrate_csv(const struct row *row, FILE *out)
{
	for (size_t i = 0; i < row->nr; i++) {
		const struct sample *s = &row->samples[i];

		csv_row_key(row, out);
		fprintf(out, ",%zu", i);
		for (int p = 0; p < NR_PHASES; p++)
			fprintf(out, ",%llu", (unsigned long long)s->ns[p]);
		for (int p = PHASE_FIRST; p < NR_PHASES; p++)
			fprintf(out, ",%llu", (unsigned long long)s->wall_ns[p]);
		fprintf(out, ",%zu,%zu,%zu,%zu,%zu,%.4f\n", s->touched_pages,
			s->place.moved_pages, s->place.moved_untouched_pages,
			s->place.left_behind_pages, s->mismatched_pages,
			moved_per_touched(s));
	}
}

static const struct argp_option options[] = {
	{ "method", KEY_METHOD, "LIST", 0,
	  "none, move_pages, mbind-move, mbind-lazy, mprotect (default all)",
	  1 },
	{ "threads", KEY_THREADS, "LIST", 0,
	  "Number of touching threads, each with a part of the area (default 1)", 2 },
	{ 0 }
};

const struct workload migrate = {
	.name = "migrate",
	.doc = "Fill memory on one node, move it, touch it from another.\vSee numa-bench(1) too.",
	.options = options,
	.table = migrate_table,
	.json = migrate_json,
	.columns = migrate_columns,
	.csv = migrate_csv,
};

int migrate_main(int argc, char **argv)
{
	struct bench_opts opts;

	bench_defaults(&opts);
	bench_parse(&opts, &migrate, argc, argv);
	return bench_run(&migrate, &opts);
}
