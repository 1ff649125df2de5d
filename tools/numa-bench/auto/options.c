// SPDX-License-Identifier: GPL-2.0
/* The options of "numa-bench auto". */
#include <argp.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "auto.h"

enum {
	KEY_MODES = 0x300, KEY_PERIOD, KEY_SETTLE, KEY_INTERVAL,
	KEY_WATCH, KEY_BUSY, KEY_COMPUTE, KEY_SEED, KEY_LIST, KEY_THREADS,
};

static const struct argp_option options[] = {
	{ "workload", 'w', "LIST", 0, "Workloads, or all (default split)", 1 },
	{ "modes", KEY_MODES, "LIST", 0,
	  "off, stock, lazy: kernel.numa_balancing 0, 1, 4 (root only); current: unchanged (default off,stock,lazy)",
	  1 },
	{ "list", KEY_LIST, NULL, 0, "List the workloads and the expected results", 1 },
	{ "size", 's', "SIZE", 0, "Memory of all processes (default 256M)", 2 },
	{ "page-size", 'p', "LIST", 0, "4k, thp (default 4k)", 2 },
	{ "threads", KEY_THREADS, "N", 0,
	  "On each node (default 1; numa01, numa02, churn: one for each CPU)", 2 },
	{ "seconds", 'S', "SECONDS", 0, "Of each run (default 20)", 3 },
	{ "period", KEY_PERIOD, "SECONDS", 0,
	  "Between swaps of phase; before handover (default 5)", 3 },
	{ "settle", KEY_SETTLE, "SECONDS", 0,
	  "Also count separately from then on (default 10)", 3 },
	{ "interval", 'i', "MS", 0, "Between probes of the pages (default 100)", 3 },
	{ "watch", KEY_WATCH, "N", 0,
	  "Pages to probe for each thread; 0: all (default 512)", 3 },
	{ "busy", KEY_BUSY, "PERCENT", 0,
	  "Part of the time in which threads work (default 100)", 4 },
	{ "compute", KEY_COMPUTE, "N", 0,
	  "Rounds of computing after each touch, about 25 instructions each (default 64)",
	  4 },
	{ "repeat", 'r', "N", 0, "Runs of each (default 1)", 5 },
	{ "seed", KEY_SEED, "N", 0, "Random seed (default 1)", 5 },
	{ "json", KEY_JSON, "FILE", 0,
	  "Write all data over time; - for stdout without the table", 6 },
	{ "csv", KEY_CSV, "FILE", 0, "Write a line for each probe", 6 },
	{ "unit", KEY_UNIT, "UNIT", 0,
	  "ns, or instructions, as QEMU's icount clock counts (NUMA_BENCH_ICOUNT=1: default)",
	  6 },
	{ 0 }
};

static const char *const *workload_names(void)
{
	static const char *names[NB_MAX_LIST];

	for (unsigned int i = 0; i < nr_auto_workloads; i++)
		names[i] = auto_workloads[i]->name;
	return names;
}

static void describe(FILE *out)
{
	for (unsigned int i = 0; i < nr_auto_workloads; i++)
		fprintf(out, "  %-12s  %s\n  %-12s  -> %s\n",
			auto_workloads[i]->name, auto_workloads[i]->does, "",
			auto_workloads[i]->expect);
}

static uint64_t seconds_of(const char *arg, const char *what,
			   struct argp_state *state)
{
	char *end;
	double val = strtod(arg, &end);

	if (end == arg || *end || !(val >= 0.1) || val > 86400)
		argp_error(state, "bad %s '%s': 0.1 to 86400 seconds", what, arg);
	return (uint64_t)(val * 1e9);
}

static void names(const char *arg, const char *const *all, size_t nr,
		  const char *what, struct name_list *list,
		  struct argp_state *state)
{
	if (parse_names(arg, all, nr, list))
		argp_error(state, "bad %s list '%s'", what, arg);
}

/* "auto split handover" means "auto -w split,handover". */
static void add_workload(const char *arg, struct auto_opts *opts,
			 struct argp_state *state)
{
	struct name_list more;

	names(arg, workload_names(), nr_auto_workloads, "workload", &more, state);
	if (state->arg_num == 0)
		opts->workloads.nr = 0;
	for (unsigned int i = 0; i < more.nr; i++) {
		for (unsigned int k = 0; k < opts->workloads.nr; k++)
			if (opts->workloads.idx[k] == more.idx[i])
				argp_error(state, "workload '%s' is named twice",
					   arg);
		opts->workloads.idx[opts->workloads.nr++] = more.idx[i];
	}
}

static error_t parse_load(int key, char *arg, struct argp_state *state)
{
	struct auto_opts *opts = state->input;

	switch (key) {
	case 's':
		if (parse_size(arg, &opts->bytes) ||
		    opts->bytes / base_page_bytes() > UINT_MAX)
			argp_error(state, "bad size '%s'", arg);
		return 0;
	case KEY_THREADS:
		opts->threads = parse_count(arg, 1, AUTO_MAX_THREADS,
					    "number of threads", state);
		return 0;
	case KEY_BUSY:
		opts->busy = parse_count(arg, 1, 100, "percentage", state);
		return 0;
	case KEY_COMPUTE:
		opts->compute = parse_count(arg, 0, 1000000, "number of rounds", state);
		return 0;
	case KEY_WATCH:
		opts->pages = parse_count(arg, 0, UINT_MAX, "number of pages", state);
		return 0;
	case KEY_LIST:
		describe(stdout);
		exit(NB_OK);
	case ARGP_KEY_ARG:
		add_workload(arg, opts, state);
		return 0;
	case ARGP_KEY_END:
		if (opts->run_ns < 2 * opts->interval_ns)
			argp_error(state, "a run is shorter than two intervals");
		return 0;
	}
	return outputs_parse(key, arg, &opts->out, state);
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct auto_opts *opts = state->input;

	switch (key) {
	case 'w':
		names(arg, workload_names(), nr_auto_workloads, "workload",
		      &opts->workloads, state);
		break;
	case KEY_MODES:
		names(arg, mode_names, NR_MODES, "mode", &opts->modes, state);
		break;
	case 'p':
		names(arg, page_kind_names, PAGES_MTHP, "page size",
		      &opts->page_kinds, state);
		break;
	case 'S':
		opts->run_ns = seconds_of(arg, "duration", state);
		break;
	case KEY_PERIOD:
		opts->period_ns = seconds_of(arg, "period", state);
		break;
	case KEY_SETTLE:
		opts->settle_ns = seconds_of(arg, "time to settle", state);
		break;
	case 'i':
		opts->interval_ns = parse_count(arg, 1, 60000, "interval", state) *
				    1000000;
		break;
	case 'r':
		opts->repeat = parse_count(arg, 1, 10000, "number of repeats", state);
		break;
	case KEY_SEED:
		opts->seed = parse_count(arg, 0, UINT64_MAX, "seed", state);
		break;
	default:
		return parse_load(key, arg, state);
	}
	return 0;
}

static void set_defaults(struct auto_opts *opts)
{
	*opts = (struct auto_opts) {
		.modes = { .idx = { MODE_OFF, MODE_STOCK, MODE_LAZY }, .nr = 3 },
		.page_kinds = { .idx = { PAGES_4K }, .nr = 1 },
		.bytes = 256UL << 20, .compute = 64, .busy = 100, .pages = 512,
		.run_ns = 20000000000, .settle_ns = 10000000000,
		.interval_ns = 100000000, .period_ns = 5000000000,
		.repeat = 1, .seed = 1,
		.out.instructions = counts_instructions(),
	};
	for (unsigned int i = 0; i < nr_auto_workloads; i++)
		if (auto_workloads[i] == &split)
			opts->workloads.idx[opts->workloads.nr++] = i;
}

/* The help ends with the list of workloads. */
static char *help_filter(int key, const char *text, void *input)
{
	size_t len = 0;
	char *help = NULL;
	FILE *out;

	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)text;
	out = open_memstream(&help, &len);
	if (!out)
		return (char *)text;
	fputs("Workloads, and expected results:\n", out);
	describe(out);
	fputs("\nSee numa-bench(1) too.", out);
	fclose(out);
	return help;
}

/* Does not return for bad options, --help or --list. */
void auto_parse(struct auto_opts *opts, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options, .parser = parse_option,
		.args_doc = "[WORKLOAD...]",
		.doc =
			"Observe where memory is while programs run, with and without automatic balancing.\v",
		.help_filter = help_filter,
	};

	set_defaults(opts);
	opts->argc = argc;
	opts->argv = argv;
	argp_parse(&argp, argc, argv, 0, NULL, opts);
}
