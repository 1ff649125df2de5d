// SPDX-License-Identifier: GPL-2.0
/* The workload "migrate": what each method costs, in the call and after it. */
#include <argp.h>

#include "results.h"

static const struct argp_option options[] = {
	{ "method", 'm', "LIST", 0,
	  "none, move_pages, mbind-move, mbind-lazy, mprotect (default all)",
	  1 },
	{ "threads", KEY_THREADS, "LIST", 0,
	  "So many threads touch, each its part of the area (default 1)", 2 },
	{ 0 }
};

const struct workload migrate = {
	.name = "migrate",
	.doc = "Fill memory on one node, move it, touch it from another.\vSee numa-bench(1) too.",
	.options = options,
	.parse = parse_moves,
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
