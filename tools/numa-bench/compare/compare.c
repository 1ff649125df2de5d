// SPDX-License-Identifier: GPL-2.0
/* The command "compare": are the results of one file worse than another's? */
#include <argp.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "results.h"

enum { KEY_THRESHOLD = 0x400, KEY_METRIC, KEY_SEED };

static const struct argp_option options[] = {
	{ "threshold", KEY_THRESHOLD, "PERCENT", 0,
	  "Exit with 1 if something is worse by more, beyond the spread (default 5%)",
	  1 },
	{ "metric", KEY_METRIC, "LIST", 0,
	  "Figures to compare, or all (default: migrate, scale: total; touch: 1st-touch, 2nd-touch; latency: mean, p50, p99; auto: t95, local%, faults, touches)",
	  1 },
	{ "seed", KEY_SEED, "N", 0, "Of the intervals (default 1)", 1 },
	{ 0 }
};

static int parse_threshold(const char *arg, double *threshold)
{
	char *end;
	double val = strtod(arg, &end);

	if (end == arg || (*end == '%' ? end[1] : *end) || !(val >= 0) ||
	    val > 10000)
		return -1;
	*threshold = val / 100;
	return 0;
}

/* Some commands have figures of the same name. */
static int choose_metric(struct cmp_opts *opts, const char *name)
{
	bool all = !strcmp(name, "all"), any = false;

	for (size_t i = 0; i < cmp_nr_metrics; i++)
		if (all || !strcmp(cmp_metrics[i].name, name)) {
			opts->metric[i] = true;
			any = true;
		}
	opts->any_metric = true;
	return any ? 0 : -1;
}

static int choose_metrics(struct cmp_opts *opts, const char *arg)
{
	char *copy = strdup(arg), *rest = copy, *word;
	int ret = copy ? 0 : -1;

	while (!ret && (word = strsep(&rest, ",")))
		ret = choose_metric(opts, word);
	free(copy);
	return ret;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct cmp_opts *opts = state->input;

	switch (key) {
	case KEY_THRESHOLD:
		if (parse_threshold(arg, &opts->threshold))
			argp_error(state, "bad threshold '%s': 0%% to 10000%%", arg);
		return 0;
	case KEY_METRIC:
		if (choose_metrics(opts, arg))
			argp_error(state, "bad list of figures '%s'", arg);
		return 0;
	case KEY_SEED:
		if (parse_u64(arg, &opts->seed))
			argp_error(state, "bad seed '%s'", arg);
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num >= 2)
			argp_error(state, "two files are compared, not more");
		opts->path[state->arg_num] = arg;
		return 0;
	case ARGP_KEY_END:
		if (state->arg_num < 2)
			argp_error(state, "two files are needed, A and B");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static int refuse(const char *why)
{
	fprintf(stderr, "numa-bench: these files cannot be compared: %s\n", why);
	return NB_USAGE;
}

static int compare_files(const struct cmp_opts *opts, struct cmp_file *a,
			 struct cmp_file *b)
{
	struct cmp_total total;

	if (strcmp(a->unit, b->unit))
		return refuse("one counts ns, the other instructions");
	if (strcmp(a->command, b->command))
		return refuse("they are of different commands");
	cmp_differences(a, b);
	total = cmp_table(opts, a, b);
	printf("\n%zu compared, %zu worse by more than %g%%, %zu better",
	       total.compared, total.verdicts[WORSE], 100 * opts->threshold,
	       total.verdicts[BETTER]);
	printf(", %zu beyond that but within the spread\n",
	       total.verdicts[UNSURE]);
	if (output_flush())
		return NB_CHECK_FAILED;
	if (!total.compared)
		return refuse("no row with samples is in both of them");
	return total.verdicts[WORSE] ? NB_CHECK_FAILED : NB_OK;
}

int compare_main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options, .parser = parse_option, .args_doc = "A B",
		.doc =
			"Compare two files that were written with --json: B to A.\vSee numa-bench(1) too.",
	};
	struct cmp_opts opts = { .threshold = 0.05, .seed = 1 };
	struct cmp_file a = { 0 }, b = { 0 };
	int ret = NB_USAGE;

	argp_parse(&argp, argc, argv, 0, NULL, &opts);
	if (!cmp_load(&a, opts.path[0]) && !cmp_load(&b, opts.path[1]))
		ret = compare_files(&opts, &a, &b);
	cmp_unload(&a);
	cmp_unload(&b);
	return ret;
}
