// SPDX-License-Identifier: GPL-2.0
/* The results of "numa-bench auto" for programs, with all that was seen. */
#include <math.h>

#include "auto.h"
#include "json-put.h"

static void append_u64(struct json_object *list, uint64_t val)
{
	json_object_array_add(list, json_object_new_uint64(val));
}

/* null: there is none, or it never came to that */
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

static void put_points(struct json_object *obj, const struct auto_sample *s)
{
	struct json_object *ns = json_object_new_array();
	struct json_object *local = json_object_new_array();
	struct json_object *touches = json_object_new_array();

	for (size_t i = 0; i < s->nr_points; i++) {
		append_u64(ns, s->points[i].ns);
		append_double(local, s->points[i].local < 0 ? NAN :
			      100 * s->points[i].local);
		append_u64(touches, s->points[i].touches - s->points[0].touches);
	}
	put(obj, "ns", ns);
	put(obj, "local_percent", local);
	put(obj, "touches", touches);
}

/* Counters that have not changed are left out. */
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
	struct json_object *threads = json_object_new_array();

	put_points(obj, s);
	put(obj, "vmstat", json_counters(s));
	for (unsigned int i = 0; i < s->nr_threads; i++)
		json_object_array_add(threads, json_thread(s, i));
	put(obj, "threads", threads);
	return obj;
}

static void put_epochs(struct json_object *obj, const struct auto_sample *s)
{
	struct json_object *epochs = json_object_new_array();
	struct json_object *times = json_object_new_array();

	for (unsigned int i = 0; i < s->nr_epochs; i++) {
		append_u64(epochs, s->epochs[i]);
		append_double(times, s->t95[i] == NEVER ? NAN :
			      (double)s->t95[i]);
	}
	put(obj, "epochs_ns", epochs);
	put(obj, "epochs_time_to_95_percent_ns", times);
}

static struct json_object *json_sample(const struct auto_sample *s)
{
	struct json_object *obj = json_object_new_object();

	for (enum figure f = 0; f < NR_FIGURES; f++) {
		double value = figure_of(s, f);

		put(obj, figure_names[f], isfinite(value) ?
		    json_object_new_double(value) : NULL);
	}
	put_u64(obj, "wall_ns", s->wall_ns);
	put_u64(obj, "watch_looks", s->nr_points);
	put_u64(obj, "area_pages", s->nr_pages);
	put_u64(obj, "lost_touches", s->lost_touches);
	put_epochs(obj, s);
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
	struct json_object *obj = json_head("auto", res->opts->instructions);
	struct json_object *rows = json_object_new_array();

	for (size_t i = 0; i < res->nr; i++)
		json_object_array_add(rows, json_row(res, &res->rows[i]));
	put(obj, "interrupted", json_object_new_boolean(res->interrupted));
	put(obj, "options", json_options(res->opts));
	json_machine(obj);
	put(obj, "results", rows);
	return json_save(obj, path);
}
