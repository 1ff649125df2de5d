// SPDX-License-Identifier: GPL-2.0
/*
 * The workload "scale": the cost of a page by size, threads and nodes. Samples
 * are those of "migrate".
 */
#include <argp.h>

#include "results.h"

static const struct argp_option options[] = {
	{ "threads", KEY_THREADS, "LIST", 0,
	  "Number of touching threads on each node (default 1,2,4)", 2 },
	{ "nodes", KEY_NODES, "LIST", 0,
	  "Nodes in a ring, each with a part of the area that the next one touches; 1: --from and --to (default 1)",
	  2 },
	{ 0 }
};

/* Ratio of the cost of a page to the first row of the same kind, method and window */
static double ratio_to_first(const struct results *res, const struct row *row)
{
	const struct row *first = res->rows + (row - res->rows) % res->group;
	double total;

	while (first->kind != row->kind)
		first += res->group;
	total = first->nr ? row_sum(res, first).total_per_page : 0;
	return total > 0 ? row_sum(res, row).total_per_page / total : 0;
}

static void print_head(const struct row *row, FILE *out)
{
	fprintf(out, "\n%s pages\n%-11s %6s %6s %5s %7s %9s %9s %9s %7s %5s %9s %8s %8s\n",
		page_kind_names[row->kind], "method", "window", "size", "nodes",
		"threads", "call", "1st-touch", "total", "ratio", "+-%",
		"1st-wall", "moved", "left");
}

static void print_row(const struct results *res, const struct row *row,
		      FILE *out)
{
	const struct placement *place = &row->samples[row->nr - 1].place;
	struct row_sum sum = row_sum(res, row);

	fprintf(out, " %9.1f %9.1f %9.1f", sum.per_page[PHASE_CALL],
		sum.per_page[PHASE_FIRST], sum.total_per_page);
	report_ratio(ratio_to_first(res, row), out);
	fprintf(out, " %5.1f %9.1f %8zu %8zu\n", sum.total.spread_percent,
		sum.wall_per_page, place->moved_pages, place->left_behind_pages);
}

/* Rows of the same method and window are printed next to each other. */
static void print_kind(const struct results *res, enum page_kind kind,
		       FILE *out)
{
	bool head = false;
	char size[32];

	for (size_t i = 0; i < res->group; i++)
		for (size_t j = i; j < res->nr; j += res->group) {
			const struct row *row = &res->rows[j];

			if (row->kind != kind)
				continue;
			if (!head)
				print_head(row, out);
			head = true;
			report_method(row, out);
			fprintf(out, " %6s %5u %7u",
				format_size(row->bytes, size, sizeof(size)),
				row->nodes, row->threads);
			if (!report_left_out(row, out))
				print_row(res, row, out);
			report_perf(row, out);
		}
}

static void scale_table(const struct results *res, FILE *out)
{
	report_header(res, out);
	fprintf(out,
		"%s per 4 KiB page, medians; total: call and first touch without the loop's own cost; ratio: of total, to the first row\n",
		res->opts->out.instructions ? "Instructions" : "ns");
	fprintf(out,
		"nodes 1: as above; N: parts of the area on the first N nodes, each touched from the next one; threads: on each of them\n");
	fprintf(out,
		"1st-wall: first begin to last end; left: touched, not on the node it was touched from\n");
	for (unsigned int i = 0; i < res->opts->page_kinds.nr; i++)
		print_kind(res, res->opts->page_kinds.idx[i], out);
	report_end(res, out);
}

static void scale_json(const struct results *res, const struct row *row,
		       struct json_object *obj)
{
	migrate_json(res, row, obj);
	ratio_json(obj, "total_to_first_ratio",
		   row->nr ? ratio_to_first(res, row) : 0);
}

static const struct workload scale = {
	.name = "scale",
	.doc = "Compare what a page costs, by size, threads and nodes.\vSee numa-bench(1) too.",
	.options = options,
	.table = scale_table,
	.json = scale_json,
	.columns = migrate_columns,
	.csv = migrate_csv,
};

int scale_main(int argc, char **argv)
{
	struct bench_opts opts;

	bench_defaults(&opts);
	opts.methods = (struct name_list) {
		.idx = { METHOD_MBIND_MOVE, METHOD_MBIND_LAZY }, .nr = 2,
	};
	opts.page_kinds = (struct name_list) { .idx = { PAGES_4K }, .nr = 1 };
	opts.threads = (struct num_list) { .val = { 1, 2, 4 }, .nr = 3 };
	bench_parse(&opts, &scale, argc, argv);
	return bench_run(&scale, &opts);
}
