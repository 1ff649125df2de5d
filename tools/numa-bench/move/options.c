// SPDX-License-Identifier: GPL-2.0
/* The options of migrate, touch, latency and scale. */
#include <argp.h>
#include <limits.h>
#include <string.h>

#include "results.h"

enum {
	KEY_FROM = 0x100, KEY_WINDOW, KEY_TO, KEY_SEED, KEY_STRIDE, KEY_WARM_UP, KEY_PERF,
};

static const struct argp_option options[] = {
	{ "size", 's', "LIST", 0, "Sizes of the area: 64M,1G (default 64M)", 1 },
	{ "sizes", 0, NULL, OPTION_ALIAS, NULL, 1 },
	{ "page-size", 'p', "LIST", 0,
	  "4k, thp (default both; scale, touch: 4k), and what `numa-bench info' lists: 16k,64k",
	  1 },
	{ "touch", 't', "ORDER", 0,
	  "seq, random or strided (default seq; touch: a list, default all)", 2 },
	{ "stride", KEY_STRIDE, "PAGES", 0, "For strided (default 16)", 2 },
	{ "fraction", 'f', "PERCENT", 0,
	  "Touch only this part of the pages, at random (default 100%; touch: a list)", 2 },
	{ "window", KEY_WINDOW, "LIST", 0,
	  "For mbind-lazy, set vm.mof_window_pages: 0,64,default (root only)", 2 },
	{ "from", KEY_FROM, "NODE", 0, "Where the pages are filled", 3 },
	{ "to", KEY_TO, "NODE", 0, "Where they are touched", 3 },
	{ "repeat", 'r', "N", 0, "Samples per row (default 5)", 4 },
	{ "warm-up", KEY_WARM_UP, "N", 0,
	  "Unmeasured runs before, of at most 4M (default 1)", 4 },
	{ "seed", KEY_SEED, "N", 0, "Seed of contents and orders (default 1)", 4 },
	{ "perf", KEY_PERF, NULL, 0,
	  "Count faults, context switches, cycles, instructions and node loads; slows down faults",
	  4 },
	{ "json", KEY_JSON, "FILE", 0,
	  "Write raw samples and settings; - for stdout without the table", 5 },
	{ "csv", KEY_CSV, "FILE", 0, "Write one line per sample", 5 },
	{ "unit", KEY_UNIT, "UNIT", 0,
	  "ns, or instructions, as QEMU's icount clock counts (NUMA_BENCH_ICOUNT=1: default)",
	  5 },
	{ 0 }
};

static void parse_methods(const char *arg, struct bench_opts *opts,
			  struct argp_state *state)
{
	const unsigned int nr = opts->patterns ? NR_METHODS : NR_MOVE_METHODS;
	const char *names[NR_METHODS];

	for (unsigned int i = 0; i < nr; i++)
		names[i] = methods[i].name;
	if (parse_names(arg, names, nr, &opts->methods))
		argp_error(state, "bad method list '%s'", arg);
}

static int parse_node(const char *arg, struct argp_state *state)
{
	uint64_t node;

	if (parse_u64(arg, &node) || node >= NB_MAX_NODES)
		argp_error(state, "bad node '%s'", arg);
	return (int)node;
}

/* The sizes depend on the kernel, so the message names them. */
static void parse_pages(const char *arg, struct bench_opts *opts,
			struct argp_state *state)
{
	char known[NR_PAGE_KINDS * 24] = "";
	size_t len = 0;

	if (!parse_names(arg, page_kind_names, nr_page_kinds, &opts->page_kinds))
		return;
	for (unsigned int i = 0; i < nr_page_kinds; i++)
		len += (size_t)snprintf(known + len, sizeof(known) - len, " %s",
					page_kind_names[i]);
	argp_error(state, "bad page size list '%s': this kernel has%s", arg, known);
}

static void parse_pattern(int key, const char *arg, struct bench_opts *opts,
			  struct argp_state *state)
{
	if (key == 't') {
		if (parse_names(arg, touch_kind_names, NR_TOUCH_KINDS,
				&opts->touches) ||
		    (opts->touches.nr > 1 && !opts->patterns))
			argp_error(state, "bad order '%s'", arg);
	} else if (key == 'f') {
		if (parse_percents(arg, &opts->fractions) ||
		    (opts->fractions.nr > 1 && !opts->patterns))
			argp_error(state, "bad percentage '%s'", arg);
	} else {
		opts->stride = parse_count(arg, 1, UINT_MAX, "number of pages", state);
	}
}

static void check_size(const struct bench_opts *opts, size_t bytes,
		       struct argp_state *state)
{
	char buf[32];

	if (bytes / base_page_bytes() > UINT_MAX)
		argp_error(state, "bad size list: %s is more than %u pages",
			   format_size(bytes, buf, sizeof(buf)), UINT_MAX);
	for (unsigned int k = 0; k < opts->page_kinds.nr; k++) {
		size_t unit = page_kind_bytes(opts->page_kinds.idx[k]);

		unit = unit ? unit : base_page_bytes();	/* no THPs here */
		if (bytes % unit)
			argp_error(state,
				   "each size must be a multiple of %s with these page sizes",
				   format_size(unit, buf, sizeof(buf)));
	}
}

bool sets_windows(const struct bench_opts *opts)
{
	for (unsigned int i = 0; i < opts->windows.nr; i++)
		if (opts->windows.val[i] != WINDOW_DEFAULT)
			return true;
	return false;
}

static void check_windows(const struct bench_opts *opts,
			  struct argp_state *state)
{
	bool lazy = false;

	for (unsigned int i = 0; i < opts->methods.nr; i++)
		lazy |= opts->methods.idx[i] == METHOD_MBIND_LAZY;
	if (sets_windows(opts) && !lazy)
		argp_error(state,
			   "--window is for the method mbind-lazy, which is not in the list");
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct bench_opts *opts = state->input;

	switch (key) {
	case 's':
		if (parse_sizes(arg, &opts->sizes))
			argp_error(state, "bad size list '%s'", arg);
		break;
	case 'p':
		parse_pages(arg, opts, state);
		break;
	case 't':
	case 'f':
	case KEY_STRIDE:
		parse_pattern(key, arg, opts, state);
		break;
	case KEY_WINDOW:
		if (parse_windows(arg, &opts->windows))
			argp_error(state, "bad window list '%s': each 0 to %d pages, or default",
				   arg, WINDOW_MAX);
		break;
	case KEY_FROM:
		opts->from = parse_node(arg, state);
		break;
	case KEY_TO:
		opts->to = parse_node(arg, state);
		break;
	case 'r':
		opts->repeat = parse_count(arg, 1, 10000, "number of repeats",
					   state);
		break;
	case KEY_WARM_UP:
		opts->warm_ups = parse_count(arg, 0, 10000, "number of warm-ups",
					     state);
		break;
	case KEY_SEED:
		if (parse_u64(arg, &opts->seed))
			argp_error(state, "bad seed '%s'", arg);
		break;
	case KEY_PERF:
		opts->perf = true;
		break;
	case ARGP_KEY_END:
		for (unsigned int i = 0; i < opts->sizes.nr; i++)
			check_size(opts, opts->sizes.bytes[i], state);
		check_windows(opts, state);
		break;
	default:
		return outputs_parse(key, arg, &opts->out, state);
	}
	return 0;
}

static const struct argp common_argp = {
	.options = options, .parser = parse_option,
};

/* Options of single workloads */
static error_t parse_own(int key, char *arg, struct argp_state *state)
{
	struct bench_opts *opts = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = opts;
		break;
	case KEY_METHOD:
		parse_methods(arg, opts, state);
		break;
	case KEY_THREADS:
		if (parse_numbers(arg, 1, NB_MAX_THREADS, &opts->threads))
			argp_error(state, "bad thread list '%s': each 1 to %d",
				   arg, NB_MAX_THREADS);
		break;
	case KEY_NODES:
		if (parse_numbers(arg, 1, NB_MAX_PAIRS, &opts->nodes))
			argp_error(state, "bad node list '%s': numbers of nodes, each 1 to %d",
				   arg, NB_MAX_PAIRS);
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is not an option", arg);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

void bench_defaults(struct bench_opts *opts)
{
	memset(opts, 0, sizeof(*opts));
	opts->sizes.bytes[0] = 64UL << 20;
	opts->sizes.nr = 1;
	for (unsigned int i = 0; i < NR_MOVE_METHODS; i++)
		opts->methods.idx[opts->methods.nr++] = i;
	for (unsigned int i = 0; i < PAGES_MTHP; i++)
		opts->page_kinds.idx[opts->page_kinds.nr++] = i;
	opts->threads.val[opts->threads.nr++] = 1;
	opts->nodes.val[opts->nodes.nr++] = 1;
	opts->windows.val[opts->windows.nr++] = WINDOW_DEFAULT;
	opts->touches.idx[opts->touches.nr++] = TOUCH_SEQ;
	opts->fractions.val[opts->fractions.nr++] = 1;
	opts->stride = 16;
	opts->warm_ups = 1;
	opts->from = -1;
	opts->to = -1;
	opts->repeat = 5;
	opts->seed = 1;
	opts->out.instructions = counts_instructions();
}

/* Does not return for bad options or --help. */
void bench_parse(struct bench_opts *opts, const struct workload *workload,
		 int argc, char **argv)
{
	static const struct argp_child children[] = {
		{ .argp = &common_argp }, { 0 }
	};
	const struct argp argp = {
		.options = workload->options, .parser = parse_own,
		.doc = workload->doc, .children = children,
	};

	opts->argc = argc;
	opts->argv = argv;
	argp_parse(&argp, argc, argv, 0, NULL, opts);
}
