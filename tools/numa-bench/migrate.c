// SPDX-License-Identifier: GPL-2.0
/* The workload "migrate": what each method costs, in the call and after it. */
#include <argp.h>
#include <string.h>

#include "results.h"

enum { KEY_THREADS = 0x200 };

static const struct argp_option options[] = {
	{ "method", 'm', "LIST", 0,
	  "none, move_pages, mbind-move, mbind-lazy, mprotect (default all)",
	  1 },
	{ "threads", KEY_THREADS, "LIST", 0,
	  "So many threads touch, each its part of the area (default 1)", 2 },
	{ 0 }
};

static int parse_own(int key, char *arg, struct argp_state *state)
{
	struct bench_opts *opts = state->input;

	switch (key) {
	case 'm':
		if (parse_methods(arg, opts))
			argp_error(state, "bad method list '%s'", arg);
		return 0;
	case KEY_THREADS:
		if (parse_numbers(arg, 1, NB_MAX_THREADS, &opts->threads))
			argp_error(state, "bad thread list '%s': each 1 to %d",
				   arg, NB_MAX_THREADS);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct own_options own = {
	.options = options, .parse = parse_own,
	.doc = "Fill memory on one node, move it, touch it from another.\vSee numa-bench(1) too.",
};

static int write_results(const struct results *res)
{
	const struct bench_opts *opts = res->opts;
	bool to_stdout = (opts->json_path && !strcmp(opts->json_path, "-")) ||
			 (opts->csv_path && !strcmp(opts->csv_path, "-"));

	if (!to_stdout)
		report_table(res, stdout);
	if (opts->json_path && json_write(res, opts->json_path))
		return -1;
	if (opts->csv_path && csv_write(res, opts->csv_path))
		return -1;
	return 0;
}

int migrate_main(int argc, char **argv)
{
	struct bench_opts opts;
	struct results *res;
	struct topo topo;
	int ret;

	bench_defaults(&opts);
	bench_parse(&opts, &own, argc, argv);
	ret = topo_choose(&topo, opts.from, opts.to);
	if (!ret && sets_windows(&opts))
		ret = window_setup();
	if (ret)
		return ret;
	res = results_new(&opts, &topo);
	if (!res || counters_init())
		return NB_CHECK_FAILED;
	interrupt_setup();
	ret = rounds_run(res);
	if (write_results(res))
		ret = -1;
	ret = ret ? NB_CHECK_FAILED : results_status(res);
	results_free(res);
	return ret;
}
