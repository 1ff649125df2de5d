// SPDX-License-Identifier: GPL-2.0
/* The frame around a workload: nodes, samples, results. */
#include "results.h"

/* The table comes last: a pipe that nobody reads any more ends us. */
static int write_results(const struct results *res)
{
	const struct bench_opts *opts = res->opts;
	int ret = 0;

	if (opts->json_path)
		ret |= json_write(res, opts->json_path);
	if (opts->csv_path)
		ret |= csv_write(res, opts->csv_path);
	if (output_is_stdout(opts->json_path, opts->csv_path))
		return ret;
	res->workload->table(res, stdout);
	return ret | output_flush();
}

static int prepare(const struct bench_opts *opts, struct topo *topo)
{
	int ret = counters_init() ? NB_SKIP : calls_check();

	if (!ret)
		ret = topo_choose(topo, opts->from, opts->to);
	if (!ret && sets_windows(opts))
		ret = window_setup();
	if (!ret && output_check(opts->json_path, opts->csv_path))
		ret = NB_CHECK_FAILED;
	return ret;
}

/* From the options to the exit status */
int bench_run(const struct workload *workload, const struct bench_opts *opts)
{
	struct results *res;
	struct topo topo;
	int ret;

	ret = prepare(opts, &topo);
	if (ret)
		return ret;
	res = results_new(workload, opts, &topo);
	if (!res) {
		fprintf(stderr,
			"numa-bench: no memory for so many samples; use shorter lists or a smaller --repeat\n");
		return NB_SKIP;
	}
	if (opts->perf)
		perf_setup();
	interrupt_setup(NULL);
	ret = rounds_run(res);
	if (write_results(res))
		ret = -1;
	ret = ret ? NB_CHECK_FAILED : results_status(res);
	results_free(res);
	return ret;
}
