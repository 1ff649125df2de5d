// SPDX-License-Identifier: GPL-2.0
/* The frame around a workload: nodes, samples, results. */
#include <string.h>

#include "results.h"

static int write_results(const struct results *res)
{
	const struct bench_opts *opts = res->opts;
	bool to_stdout = (opts->json_path && !strcmp(opts->json_path, "-")) ||
			 (opts->csv_path && !strcmp(opts->csv_path, "-"));

	if (!to_stdout)
		res->workload->table(res, stdout);
	if (opts->json_path && json_write(res, opts->json_path))
		return -1;
	if (opts->csv_path && csv_write(res, opts->csv_path))
		return -1;
	return 0;
}

/* From the options to the exit status */
int bench_run(const struct workload *workload, const struct bench_opts *opts)
{
	struct results *res;
	struct topo topo;
	int ret;

	ret = topo_choose(&topo, opts->from, opts->to);
	if (!ret && sets_windows(opts))
		ret = window_setup();
	if (ret)
		return ret;
	res = results_new(workload, opts, &topo);
	if (!res || counters_init())
		return NB_CHECK_FAILED;
	interrupt_setup(NULL);
	ret = rounds_run(res);
	if (write_results(res))
		ret = -1;
	ret = ret ? NB_CHECK_FAILED : results_status(res);
	results_free(res);
	return ret;
}
