// SPDX-License-Identifier: GPL-2.0
/*
 * The command "auto": runs workloads with each mode of automatic NUMA balancing
 * in turn, and observes where their memory is.
 */
#include <errno.h>
#include <numaif.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auto.h"

#define LAZY_VALUE	4

const char *const mode_names[NR_MODES] = { "off", "stock", "lazy", "current" };

static const int values[NR_MODES] = { 0, 1, LAZY_VALUE, 0 };

static struct knob balancing = {
	.path = "/proc/sys/kernel/numa_balancing", .fd = -1,
};

static bool not_allowed;

int balancing_get(void)
{
	return knob_get(&balancing);
}

static int balancing_set(enum mode mode)
{
	if (mode == MODE_CURRENT || !knob_set(&balancing, values[mode]))
		return 0;
	fprintf(stderr, "numa-bench: cannot set kernel.numa_balancing to %d: %m\n",
		values[mode]);
	return -1;
}

/*
 * A kernel without the automatic mode may accept the value and scan without
 * migrating anything: test for a counter of that mode first.
 */
static const char *missing_lazy(void)
{
	int before = balancing.now, ret;

	if (!counters_known("mof_samples"))
		return "this kernel has no automatic mode (no mof_samples in /proc/vmstat)";
	ret = knob_set(&balancing, LAZY_VALUE);
	if (!ret)
		ret = knob_set(&balancing, before);
	if (!ret)
		return NULL;
	return errno == EINVAL ? "this kernel refuses kernel.numa_balancing=4" :
				 "kernel.numa_balancing cannot be set to 4 here";
}

static const char *balancing_missing(enum mode mode)
{
	if (mode == MODE_CURRENT)
		return NULL;
	if (balancing_get() < 0)
		return "this kernel has no kernel.numa_balancing; use --modes current";
	if (not_allowed)
		return "setting kernel.numa_balancing needs root; or use --modes current";
	return mode == MODE_LAZY ? missing_lazy() : NULL;
}

const struct auto_workload *const auto_workloads[] = {
	&handover, &split, &interleave, &shared, &phase, &steady, &bound,
	&bound_cpuset, &bound_node, &churn, &numa01, &numa02, &hold,
};

const unsigned int nr_auto_workloads = ARRAY_SIZE(auto_workloads);

static int add_row(struct auto_results *res, unsigned int workload,
		   unsigned int kind, unsigned int mode)
{
	struct auto_row *row = &res->rows[res->nr++];
	struct plan plan;

	row->workload = auto_workloads[workload];
	row->kind = kind;
	row->mode = mode;
	row->samples = calloc(res->opts->repeat, sizeof(*row->samples));
	if (!row->samples)
		return -1;
	row->skipped = balancing_missing(mode);
	if (!row->skipped)
		row->skipped = page_kind_missing(kind);
	if (row->skipped)
		return 0;
	if (plan_make(&plan, row->workload, res->opts, kind)) {
		row->skipped = "no usable node, or no room (`ulimit -v'); use a smaller --size";
		return 0;
	}
	row->skipped = plan_missing(&plan);
	row->nr_threads = plan.nr_threads;
	row->nr_procs = plan.nr_procs;
	plan_free(&plan);
	return 0;
}

static int add_rows(struct auto_results *res)
{
	const struct auto_opts *opts = res->opts;

	res->rows = calloc((size_t)opts->workloads.nr * opts->page_kinds.nr *
			   opts->modes.nr, sizeof(*res->rows));
	if (!res->rows)
		return -1;
	for (unsigned int w = 0; w < opts->workloads.nr; w++)
		for (unsigned int k = 0; k < opts->page_kinds.nr; k++)
			for (unsigned int m = 0; m < opts->modes.nr; m++)
				if (add_row(res, opts->workloads.idx[w],
					    opts->page_kinds.idx[k],
					    opts->modes.idx[m]))
					return -1;
	return 0;
}

static int run_once(const struct auto_results *res, struct auto_row *row,
		    uint64_t repeat)
{
	struct auto_sample *sample = &row->samples[row->nr];
	struct plan plan;
	int ret;

	if (balancing_set(row->mode) ||
	    plan_make(&plan, row->workload, res->opts, row->kind))
		return -1;
	plan.repeat = repeat;
	plan.mode = row->mode;
	ret = auto_run(sample, &plan);
	plan_free(&plan);
	if (ret) {
		auto_sample_free(sample);
		if (!interrupted())
			fprintf(stderr,
				"numa-bench: %s: the run failed: %m; is there memory left?\n",
				row->workload->name);
		return -1;
	}
	row->nr++;
	return 0;
}

/* Modes are the inner loop, so that drift of the machine affects all equally. */
static int run_group(const struct auto_results *res, struct auto_row *rows,
		     unsigned int nr)
{
	for (uint64_t n = 0; n < res->opts->repeat; n++)
		for (unsigned int i = 0; i < nr; i++) {
			if (rows[i].skipped)
				continue;
			progress_show((size_t)(&rows[i] - res->rows) + 1, res->nr,
				      rows[i].workload->name, rows[i].kind,
				      mode_names[rows[i].mode]);
			if (run_once(res, &rows[i], n))
				return -1;
		}
	return 0;
}

static int write_results(const struct auto_results *res)
{
	const struct auto_opts *opts = res->opts;
	int ret = 0;

	if (opts->out.json_path)
		ret |= auto_json(res, opts->out.json_path);
	if (opts->out.csv_path)
		ret |= auto_csv(res, opts->out.csv_path);
	if (outputs_stdout(&opts->out))
		return ret;
	auto_table(res, stdout);
	return ret | output_flush();
}

static int status_of(const struct auto_results *res)
{
	size_t samples = 0;
	uint64_t lost = 0;

	for (size_t i = 0; i < res->nr; i++)
		for (size_t k = 0; k < res->rows[i].nr; k++, samples++)
			lost += res->rows[i].samples[k].lost_touches;
	if (lost) {
		fprintf(stderr,
			"numa-bench: %llu touches are not in memory; this kernel loses data, keep its log\n",
			(unsigned long long)lost);
		return NB_CHECK_FAILED;
	}
	if (res->interrupted)
		return NB_INTERRUPTED;
	if (samples)
		return NB_OK;
	fprintf(stderr, "numa-bench: nothing could be measured; the table says why\n");
	return NB_SKIP;
}

/* Binds memory of this process: the balancer skips it, so counts are not affected. */
static void bind_own_memory(void)
{
	int node = 0;

	while (node < topo_max_node() && !topo_has_memory(node))
		node++;
	topo_set_policy(MPOL_BIND, node);
}

static void clean_up(void)
{
	work_kill();
	cpuset_remove();
}

int auto_main(int argc, char **argv)
{
	struct auto_opts opts;
	struct auto_results res = { .opts = &opts };
	int ret;

	auto_parse(&opts, argc, argv);
	if (counters_init())
		return NB_SKIP;
	ret = calls_check();
	if (ret)
		return ret;
	if (outputs_check(&opts.out))
		return NB_CHECK_FAILED;
	bind_own_memory();
	not_allowed = balancing_get() >= 0 && knob_open(&balancing);
	interrupt_setup(clean_up);
	ret = add_rows(&res);
	for (size_t i = 0; i < res.nr && !ret; i += opts.modes.nr)
		ret = run_group(&res, res.rows + i, opts.modes.nr);
	knobs_restore();
	progress_clear();
	res.interrupted = interrupted();
	if (res.interrupted)
		ret = 0;
	if (write_results(&res))
		ret = -1;
	ret = ret ? NB_CHECK_FAILED : status_of(&res);
	for (size_t i = 0; i < res.nr; i++) {
		for (size_t k = 0; k < res.rows[i].nr; k++)
			auto_sample_free(&res.rows[i].samples[k]);
		free(res.rows[i].samples);
	}
	free(res.rows);
	return ret;
}
