// SPDX-License-Identifier: GPL-2.0
/*
 * The workload "touch": the cost of touching memory that is local, on another
 * node or about to migrate, in several orders and fractions.
 */
#include <argp.h>

#include "results.h"

static const struct argp_option options[] = {
	{ "method", KEY_METHOD, "LIST", 0,
	  "local, none, move_pages, mbind-move, mbind-lazy, mprotect (default local,none,mbind-lazy)",
	  1 },
	{ "threads", KEY_THREADS, "LIST", 0,
	  "Number of touching threads, each with a part of the area (default 1)", 2 },
	{ 0 }
};

/* Ratio to the same touch of local memory; 0 if unknown */
static double ratio_to_local(const struct results *res, const struct row *row,
			     enum phase phase)
{
	const struct row *local = row_peer(res, row, METHOD_LOCAL);
	double here = local ? row_sum(res, local).per_page[phase] : 0;

	return here > 0 ? row_sum(res, row).per_page[phase] / here : 0;
}

static void print_head(const struct row *row, FILE *out)
{
	report_group(row, out);
	fprintf(out,
		"%-7s %6s %-11s %6s %9s %9s %9s %5s %7s %7s %7s %8s %8s\n",
		"order", "touch%", "method", "window", "1st-touch", "2nd-touch",
		"1st-wall", "+-%", "x-1st", "x-2nd", "minflt",
		"m/touch", "left");
}

static void print_row(const struct results *res, const struct row *row,
		      FILE *out)
{
	const struct sample *s = &row->samples[row->nr - 1];
	struct row_sum sum = row_sum(res, row);

	fprintf(out, " %9.1f %9.1f %9.1f %5.1f", sum.per_page[PHASE_FIRST],
		sum.per_page[PHASE_SECOND], sum.wall_per_page,
		sum.phase[PHASE_FIRST].spread_percent);
	report_ratio(ratio_to_local(res, row, PHASE_FIRST), out);
	report_ratio(ratio_to_local(res, row, PHASE_SECOND), out);
	fprintf(out, " %7llu %8.3f %8zu\n",
		(unsigned long long)(s->counts[PHASE_FIRST].minor_faults +
				     s->counts[PHASE_SECOND].minor_faults),
		sum.moved_per_touched, s->place.left_behind_pages);
}

static void touch_table(const struct results *res, FILE *out)
{
	report_header(res, out);
	fprintf(out,
		"%s per 4 KiB page touched, medians; x-1st, x-2nd: ratio to local memory\n",
		res->opts->out.instructions ? "Instructions" : "ns");
	fprintf(out,
		"1st-wall: first begin to last end; minflt: minor faults of both touches; m/touch: moved per touched; left: touched, not on node %d\n",
		res->topo.to);
	for (size_t i = 0; i < res->nr; i++) {
		const struct row *row = &res->rows[i];

		if (!i || row->kind != row[-1].kind || row->bytes != row[-1].bytes ||
		    row->threads != row[-1].threads)
			print_head(row, out);
		fprintf(out, "%-7s %6g ", touch_kind_names[row->pattern.kind],
			row->pattern.fraction * 100);
		report_method(row, out);
		if (!report_left_out(row, out))
			print_row(res, row, out);
		report_perf(row, out);
	}
	report_end(res, out);
}

static void touch_json(const struct results *res, const struct row *row,
		       struct json_object *obj)
{
	migrate_json(res, row, obj);
	ratio_json(obj, "first_touch_to_local_ratio",
		   row->nr ? ratio_to_local(res, row, PHASE_FIRST) : 0);
	ratio_json(obj, "second_touch_to_local_ratio",
		   row->nr ? ratio_to_local(res, row, PHASE_SECOND) : 0);
}

static const struct workload touch = {
	.name = "touch",
	.doc = "Touch memory in several orders and fractions.\vSee numa-bench(1) too.",
	.options = options,
	.table = touch_table,
	.json = touch_json,
	.columns = migrate_columns,
	.csv = migrate_csv,
};

int touch_main(int argc, char **argv)
{
	struct bench_opts opts;

	bench_defaults(&opts);
	opts.patterns = true;
	opts.methods = (struct name_list) {
		.idx = { METHOD_LOCAL, METHOD_NONE, METHOD_MBIND_LAZY }, .nr = 3,
	};
	opts.page_kinds = (struct name_list) { .idx = { PAGES_4K }, .nr = 1 };
	opts.touches = (struct name_list) {
		.idx = { TOUCH_SEQ, TOUCH_RANDOM, TOUCH_STRIDED }, .nr = 3,
	};
	bench_parse(&opts, &touch, argc, argv);
	return bench_run(&touch, &opts);
}
