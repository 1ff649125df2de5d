// SPDX-License-Identifier: GPL-2.0
/* The figures of "numa-bench auto", as table, JSON and CSV. */
#include <math.h>
#include <stdlib.h>
#include <sys/utsname.h>

#include "auto.h"
#include "json-put.h"

#define LOCAL_ENOUGH	0.95

const char *const figure_names[NR_FIGURES] = {
	[FIG_T95] = "time_to_95_percent_ns",
	[FIG_LOCAL] = "final_local_percent",
	[FIG_WORST] = "final_worst_thread_local_percent",
	[FIG_FAULTS] = "hint_faults",
	[FIG_PTES] = "pte_updates",
	[FIG_MIGRATED] = "migrated_pages",
	[FIG_LATE_FAULTS] = "late_hint_faults",
	[FIG_LATE_PTES] = "late_pte_updates",
	[FIG_LATE_MIGRATED] = "late_migrated_pages",
	[FIG_TOUCHES] = "touches",
	[FIG_LATE_TOUCHES] = "late_touches",
	[FIG_JOBS] = "jobs",
	[FIG_USER] = "user_ns",
	[FIG_SYS] = "sys_ns",
	[FIG_MINOR] = "minor_faults",
	[FIG_PER_TOUCH] = "wall_ns_per_touch",
	[FIG_PROBE] = "watch_ns",
	[FIG_GAP] = "longest_gap_ns",
};

/*
 * Time from @from to the first point with enough local pages, or NEVER. 0 if the
 * very first point has them.
 */
uint64_t time_to_local(const struct point *points, size_t nr, uint64_t from,
		       uint64_t until)
{
	for (size_t i = 0; i < nr && points[i].ns < until; i++)
		if (points[i].ns >= from && points[i].local >= LOCAL_ENOUGH)
			return i ? points[i].ns - from : 0;
	return NEVER;
}

/* The longest time of all epochs; without the first one if there are several. */
static double longest_t95(const struct auto_sample *sample)
{
	double longest = 0;

	for (unsigned int i = sample->nr_epochs > 1; i < sample->nr_epochs; i++)
		longest = fmax(longest, sample->t95[i] == NEVER ? INFINITY :
			       (double)sample->t95[i]);
	return longest;
}

static double worst_local(const struct auto_sample *sample)
{
	double worst = 1;

	for (unsigned int i = 0; i < sample->nr_threads; i++)
		worst = fmin(worst, sample->last.threads[i].local);
	return worst;
}

static double touches_since(const struct auto_sample *sample, size_t first)
{
	if (first >= sample->nr_points)
		return NAN;
	return (double)(sample->points[sample->nr_points - 1].touches -
			sample->points[first].touches);
}

static double event_of(const struct auto_sample *sample, enum figure figure)
{
	static const char *const names[] = {
		"numa_hint_faults", "numa_pte_updates", "numa_pages_migrated",
	};
	const char *name = names[(figure - FIG_FAULTS) % 3];
	const struct point *points = sample->points;
	uint64_t before = 0;

	if (figure >= FIG_LATE_FAULTS) {
		if (sample->settled == sample->nr_points)
			return NAN;
		before = counters_get(&points[sample->settled].counts, name);
	}
	return (double)(counters_get(&points[sample->nr_points - 1].counts, name) -
			before);
}

static double effort_of(const struct auto_sample *sample, enum figure figure)
{
	switch (figure) {
	case FIG_TOUCHES:
		return touches_since(sample, 0);
	case FIG_LATE_TOUCHES:
		return touches_since(sample, sample->settled);
	case FIG_JOBS:
		return (double)sample->jobs;
	case FIG_USER:
		return (double)sample->user_ns;
	case FIG_SYS:
		return (double)sample->sys_ns;
	case FIG_MINOR:
		return (double)sample->minor_faults;
	case FIG_PROBE:
		return (double)sample->probe_ns;
	case FIG_GAP:
		return sample->longest_ns ? (double)sample->longest_ns : NAN;
	default:	/* FIG_PER_TOUCH */
		return (double)(sample->points[sample->nr_points - 1].ns -
				sample->points[0].ns) /
		       touches_since(sample, 0);
	}
}

/* NAN: no such figure; INFINITY: never reached */
double figure_of(const struct auto_sample *sample, enum figure figure)
{
	if (figure <= FIG_WORST && sample->last.local < 0)
		return NAN;
	if (figure == FIG_T95)
		return longest_t95(sample);
	if (figure == FIG_LOCAL)
		return 100 * sample->last.local;
	if (figure == FIG_WORST)
		return 100 * worst_local(sample);
	return figure <= FIG_LATE_MIGRATED ? event_of(sample, figure) :
					     effort_of(sample, figure);
}

static struct stat_sum figure_stat(const struct auto_row *row, enum figure figure)
{
	double *values = calloc(row->nr + 1, sizeof(*values));
	struct stat_sum sum = { .median = NAN };

	if (!values)
		return sum;
	for (size_t i = 0; i < row->nr; i++)
		values[i] = figure_of(&row->samples[i], figure);
	if (row->nr)
		sum = stat_of(values, row->nr);
	free(values);
	return sum;
}

static const struct auto_row *peer_of(const struct auto_results *res,
				      const struct auto_row *row,
				      enum mode mode)
{
	for (size_t i = 0; i < res->nr; i++) {
		const struct auto_row *other = &res->rows[i];

		if (other->workload == row->workload && other->mode == mode &&
		    other->kind == row->kind && other->nr)
			return other;
	}
	return NULL;
}

/* Ratio to the same workload in another mode; NAN if undefined */
double figure_ratio(const struct auto_results *res, const struct auto_row *row,
		    enum figure figure, enum mode mode)
{
	const struct auto_row *peer = peer_of(res, row, mode);
	double ratio;

	if (!peer)
		return NAN;
	ratio = figure_stat(row, figure).median /
		figure_stat(peer, figure).median;
	return isfinite(ratio) ? ratio : NAN;
}

static void print_header(const struct auto_results *res, FILE *out)
{
	const struct auto_opts *opts = res->opts;
	struct utsname uts;
	char size[32];

	uname(&uts);
	fprintf(out,
		"numa-bench auto: %s, %g s each, probed every %g ms, %u%% busy, %u rounds per touch; %llu repeats\n",
		format_size(opts->bytes, size, sizeof(size)),
		(double)opts->run_ns / 1e9, (double)opts->interval_ns / 1e6,
		opts->busy, opts->compute, (unsigned long long)opts->repeat);
	fprintf(out, "Linux %s, kernel.numa_balancing = %d at other times; clock: %s\n",
		uts.release, balancing_get(),
		opts->out.instructions ? "instructions" : "ns");
	fprintf(out,
		"t95: seconds until 95%% of the pages are on the node of the thread that uses them; worst: of one thread, at the end\n");
	fprintf(out,
		"faults, PTEs, moved: numa_hint_faults, numa_pte_updates, numa_pages_migrated; late: after the first %g s\n",
		(double)opts->settle_ns / 1e9);
	fprintf(out,
		"x-stock: ratio to mode stock; Mtouch: million touches; x-off: ratio to mode off; user, sys: CPU seconds of the workload\n");
}

static void print_head(const struct auto_results *res,
		       const struct auto_row *row, FILE *out)
{
	fprintf(out, "\n%s, %s pages, %u threads in %u processes: %s\n",
		row->workload->name, page_kind_names[row->kind],
		row->nr_threads, row->nr_procs, row->workload->expect);
	fprintf(out, "%-8s %6s %7s %7s %7s %8s %7s %8s %8s %8s %8s %8s %8s %7s %7s %7s%s%s\n",
		"mode", "t95", "x-stock", "local%", "worst%", "faults",
		"x-stock", "PTEs", "moved", "late-flt", "late-PTE", "late-mov",
		"Mtouch", "x-off", "user", "sys",
		res->opts->out.instructions && res->opts->busy == 100 ?
		" insn/touch" : "", row->workload->gaps ? "  gap-us" : "");
}

/* NAN is printed as "-". */
static void print(double value, int width, int digits, FILE *out)
{
	if (isfinite(value))
		fprintf(out, " %*.*f", width, digits, value);
	else
		fprintf(out, " %*s", width, isnan(value) ? "-" : "never");
}

static void print_figure(const struct auto_row *row, enum figure figure,
			 double unit, int width, int digits, FILE *out)
{
	print(figure_stat(row, figure).median / unit, width, digits, out);
}

static void print_row(const struct auto_results *res,
		      const struct auto_row *row, FILE *out)
{
	double t95 = row->workload->no_owner ? NAN :
		     figure_stat(row, FIG_T95).median / 1e9;

	print(t95, 6, 2, out);
	print(figure_ratio(res, row, FIG_T95, MODE_STOCK), 7, 3, out);
	print_figure(row, FIG_LOCAL, 1, 7, 2, out);
	print_figure(row, FIG_WORST, 1, 7, 2, out);
	print_figure(row, FIG_FAULTS, 1, 8, 0, out);
	print(figure_ratio(res, row, FIG_FAULTS, MODE_STOCK), 7, 4, out);
	for (enum figure f = FIG_PTES; f <= FIG_LATE_MIGRATED; f++)
		print_figure(row, f, 1, 8, 0, out);
	print_figure(row, FIG_TOUCHES, 1e6, 8, 3, out);
	print(figure_ratio(res, row, FIG_TOUCHES, MODE_OFF), 7, 4, out);
	print_figure(row, FIG_USER, 1e9, 7, 2, out);
	print_figure(row, FIG_SYS, 1e9, 7, 2, out);
	if (res->opts->out.instructions && res->opts->busy == 100)
		print_figure(row, FIG_PER_TOUCH, 1, 10, 2, out);
	if (row->workload->gaps)
		print_figure(row, FIG_GAP, 1e3, 7, 1, out);
	fputc('\n', out);
}

void auto_table(const struct auto_results *res, FILE *out)
{
	print_header(res, out);
	for (size_t i = 0; i < res->nr; i++) {
		const struct auto_row *row = &res->rows[i];

		if (!i || row->workload != row[-1].workload ||
		    row->kind != row[-1].kind)
			print_head(res, row, out);
		fprintf(out, "%-8s", mode_names[row->mode]);
		if (row->nr)
			print_row(res, row, out);
		else
			fprintf(out, " left out: %s\n", row->skipped ?
				row->skipped : "no run finished");
	}
	if (res->interrupted)
		fprintf(out, "\nInterrupted: results until then.\n");
	fflush(out);
}

static void append_u64(struct json_object *list, uint64_t val)
{
	json_object_array_add(list, json_object_new_uint64(val));
}

/* null: no such figure, or never reached */
static void append_double(struct json_object *list, double val)
{
	json_object_array_add(list, isfinite(val) ?
			      json_object_new_double(val) : NULL);
}

static void put_names(struct json_object *obj, const char *key,
		      const struct name_list *list, const char *const *names)
{
	struct json_object *array = json_object_new_array();

	for (unsigned int i = 0; i < list->nr; i++)
		append_str(array, names[list->idx[i]]);
	put(obj, key, array);
}

static struct json_object *json_options(const struct auto_opts *opts)
{
	struct json_object *obj = json_object_new_object();
	struct json_object *args = json_object_new_array();

	for (int i = 1; i < opts->argc; i++)
		append_str(args, opts->argv[i]);
	put(obj, "arguments", args);
	put_names(obj, "modes", &opts->modes, mode_names);
	put_names(obj, "page_sizes", &opts->page_kinds, page_kind_names);
	put_u64(obj, "size_bytes", opts->bytes);
	put_u64(obj, "threads_per_node", opts->threads);
	put_u64(obj, "compute_rounds", opts->compute);
	put_u64(obj, "busy_percent", opts->busy);
	put_u64(obj, "watched_pages", opts->pages);
	put_u64(obj, "run_ns", opts->run_ns);
	put_u64(obj, "settle_ns", opts->settle_ns);
	put_u64(obj, "interval_ns", opts->interval_ns);
	put_u64(obj, "period_ns", opts->period_ns);
	put_u64(obj, "repeats", opts->repeat);
	put_u64(obj, "seed", opts->seed);
	return obj;
}

/* Counters that did not change are omitted. */
static struct json_object *json_counters(const struct auto_sample *s)
{
	struct json_object *obj = json_object_new_object();

	for (unsigned int c = 0; c < counters_nr(); c++) {
		struct json_object *list;

		if (!s->points[s->nr_points - 1].counts.vmstat[c])
			continue;
		list = json_object_new_array();
		for (size_t i = 0; i < s->nr_points; i++)
			append_u64(list, s->points[i].counts.vmstat[c]);
		put(obj, counters_name(c), list);
	}
	return obj;
}

static struct json_object *json_thread(const struct auto_sample *s,
				       unsigned int thread)
{
	struct json_object *obj = json_object_new_object();
	struct json_object *local = json_object_new_array();
	struct json_object *nodes = json_object_new_array();
	struct json_object *shares = json_object_new_array();
	const struct thread_point *first = &s->points[0].threads[thread];
	const struct thread_point *end = first;

	for (size_t i = 0; i < s->nr_points; i++) {
		end = &s->points[i].threads[thread];
		append_double(local, 100 * end->local);
		append_u64(nodes, (uint64_t)end->node);
		append_u64(shares, end->share);
	}
	put_u64(obj, "touches", end->touches - first->touches);
	put_double(obj, "final_local_percent",
		   100 * s->last.threads[thread].local);
	put(obj, "local_percent", local);
	put(obj, "node", nodes);
	put(obj, "share", shares);
	return obj;
}

static struct json_object *json_series(const struct auto_sample *s)
{
	struct json_object *obj = json_object_new_object();
	struct json_object *ns = json_object_new_array();
	struct json_object *local = json_object_new_array();
	struct json_object *touches = json_object_new_array();
	struct json_object *threads = json_object_new_array();

	for (size_t i = 0; i < s->nr_points; i++) {
		append_u64(ns, s->points[i].ns);
		append_double(local, s->points[i].local < 0 ? NAN :
			      100 * s->points[i].local);
		append_u64(touches, s->points[i].touches - s->points[0].touches);
	}
	put(obj, "ns", ns);
	put(obj, "local_percent", local);
	put(obj, "touches", touches);
	put(obj, "vmstat", json_counters(s));
	for (unsigned int i = 0; i < s->nr_threads; i++)
		json_object_array_add(threads, json_thread(s, i));
	put(obj, "threads", threads);
	return obj;
}

static struct json_object *json_sample(const struct auto_sample *s)
{
	struct json_object *obj = json_object_new_object();
	struct json_object *epochs = json_object_new_array();
	struct json_object *times = json_object_new_array();

	for (enum figure f = 0; f < NR_FIGURES; f++) {
		double value = figure_of(s, f);

		put(obj, figure_names[f], isfinite(value) ?
		    json_object_new_double(value) : NULL);
	}
	put_u64(obj, "wall_ns", s->wall_ns);
	put_u64(obj, "watch_looks", s->nr_points);
	put_u64(obj, "area_pages", s->nr_pages);
	put_u64(obj, "lost_touches", s->lost_touches);
	for (unsigned int i = 0; i < s->nr_epochs; i++) {
		append_u64(epochs, s->epochs[i]);
		append_double(times, s->t95[i] == NEVER ? NAN :
			      (double)s->t95[i]);
	}
	put(obj, "epochs_ns", epochs);
	put(obj, "epochs_time_to_95_percent_ns", times);
	put(obj, "series", json_series(s));
	return obj;
}

static struct json_object *json_summary(const struct auto_results *res,
					const struct auto_row *row,
					enum figure figure)
{
	struct json_object *obj = json_object_new_object();
	struct stat_sum sum = figure_stat(row, figure);
	const struct { const char *key; double val; } members[] = {
		{ "median", sum.median }, { "min", sum.min },
		{ "max", sum.max }, { "spread_percent", sum.spread_percent },
		{ "ratio_to_off", figure_ratio(res, row, figure, MODE_OFF) },
		{ "ratio_to_stock", figure_ratio(res, row, figure, MODE_STOCK) },
	};

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		put(obj, members[i].key, isfinite(members[i].val) ?
		    json_object_new_double(members[i].val) : NULL);
	return obj;
}

static struct json_object *json_row(const struct auto_results *res,
				    const struct auto_row *row)
{
	struct json_object *obj = json_object_new_object();
	struct json_object *samples = json_object_new_array();
	struct json_object *summary = json_object_new_object();

	for (size_t i = 0; i < row->nr; i++)
		json_object_array_add(samples, json_sample(&row->samples[i]));
	for (enum figure f = 0; row->nr && f < NR_FIGURES; f++)
		put(summary, figure_names[f], json_summary(res, row, f));
	put_str(obj, "workload", row->workload->name);
	put_str(obj, "mode", mode_names[row->mode]);
	put_str(obj, "page_size", page_kind_names[row->kind]);
	put_str(obj, "expect", row->workload->expect);
	put_u64(obj, "threads", row->nr_threads);
	put_u64(obj, "processes", row->nr_procs);
	put(obj, "skipped", row->skipped ?
	    json_object_new_string(row->skipped) : NULL);
	put(obj, "summary", summary);
	put(obj, "samples", samples);
	return obj;
}

int auto_json(const struct auto_results *res, const char *path)
{
	struct json_object *obj = json_head("auto", res->opts->out.instructions);
	struct json_object *rows = json_object_new_array();

	for (size_t i = 0; i < res->nr; i++)
		json_object_array_add(rows, json_row(res, &res->rows[i]));
	put(obj, "interrupted", json_object_new_boolean(res->interrupted));
	put(obj, "options", json_options(res->opts));
	json_machine(obj);
	put(obj, "results", rows);
	return json_save(obj, path);
}

static void write_point(const struct auto_row *row, size_t idx,
			const struct point *point, FILE *out)
{
	const struct auto_sample *sample = &row->samples[idx];

	fprintf(out, "%s,%s,%s,%zu,%llu,", row->workload->name,
		mode_names[row->mode], page_kind_names[row->kind], idx,
		(unsigned long long)point->ns);
	if (point->local >= 0)
		fprintf(out, "%.3f", 100 * point->local);
	fprintf(out, ",%llu", (unsigned long long)(point->touches -
						   sample->points[0].touches));
	for (unsigned int c = 0; c < counters_nr(); c++)
		fprintf(out, ",%llu",
			(unsigned long long)point->counts.vmstat[c]);
	fputc('\n', out);
}

/* "-" is stdout */
int auto_csv(const struct auto_results *res, const char *path)
{
	FILE *out = output_open(path, "--csv");

	if (!out)
		return -1;
	fputs("workload,mode,page_size,sample,ns,local_percent,touches", out);
	for (unsigned int c = 0; c < counters_nr(); c++)
		fprintf(out, ",%s", counters_name(c));
	fputc('\n', out);
	for (size_t i = 0; i < res->nr; i++) {
		const struct auto_row *row = &res->rows[i];

		for (size_t k = 0; k < row->nr; k++)
			for (size_t n = 0; n < row->samples[k].nr_points; n++)
				write_point(row, k, &row->samples[k].points[n], out);
	}
	return output_close(out, path, "--csv");
}
