// SPDX-License-Identifier: GPL-2.0
/*
 * The workload: fill an area on one node, move it by one method, touch it
 * twice from another node. Each sample has an area of its own.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "numa-bench.h"

#define WARM_UP_BYTES	(4UL << 20)

const char *const phase_names[NR_PHASES] = {
	"call", "first_touch", "second_touch",
};

/* What a sample needs while it is taken */
struct run {
	const struct migrate_opts *opts;
	const struct topo *topo;
	struct area area;
	struct touch_plan plan;
	int *before;	/* node of each base page */
	int *after;
};

/*
 * Methods share the order of touches, but not the contents: what a page held
 * in another method's sample must not pass for a copy.
 */
static uint64_t contents_seed(const struct row *row, uint64_t seed)
{
	return mix64(seed ^ ((uint64_t)(row->method - methods) << 56));
}

static int run_setup(struct run *run, const struct row *row, uint64_t seed)
{
	if (area_map(&run->area, row->kind, row->bytes, run->topo->from))
		return -1;
	run->before = calloc(run->area.nr_pages, sizeof(*run->before));
	run->after = calloc(run->area.nr_pages, sizeof(*run->after));
	if (!run->before || !run->after ||
	    touch_plan_make(&run->plan, &run->area, run->opts->touch,
			    run->opts->fraction, seed))
		return -1;
	if (topo_bind_cpu(run->topo->write_cpu))
		return -1;
	area_fill(&run->area, contents_seed(row, seed));
	return topo_bind_cpu(run->topo->touch_cpu);
}

static void run_free(struct run *run)
{
	area_unmap(&run->area);
	touch_plan_free(&run->plan);
	free(run->before);
	free(run->after);
}

static int measure_call(struct run *run, const struct method *method,
			struct sample *sample)
{
	struct method_args args = { .area = &run->area, .topo = run->topo };
	struct counters *counts = &sample->counts[PHASE_CALL];
	uint64_t start;
	int ret;

	if (method->prepare && method->prepare(&args))
		return -1;
	if (counters_start(counts))
		return -1;
	start = now_ns();
	sample->call_result = method->call(&args);
	sample->ns[PHASE_CALL] = now_ns() - start;
	sample->call_errno = sample->call_result < 0 ? errno : 0;
	ret = counters_stop(counts);
	if (method->finish && method->finish(&args))
		ret = -1;
	return ret;
}

static int measure_touch(struct run *run, enum phase phase,
			 struct sample *sample)
{
	struct counters *counts = &sample->counts[phase];
	uint64_t start;

	if (counters_start(counts))
		return -1;
	start = now_ns();
	touch_run(&run->plan, &run->area);
	sample->ns[phase] = now_ns() - start;
	return counters_stop(counts);
}

/* Placement is asked before the contents are read: that touches everything. */
static int examine(struct run *run, struct sample *sample)
{
	sample->thps_before = run->area.thps;
	sample->thps_after = area_thps(&run->area);
	sample->touched_pages = run->plan.nr_pages;
	if (place_query(&run->area, run->after))
		return -1;
	place_compare(&sample->place, run->before, run->after,
		      run->plan.touched, run->area.nr_pages, run->topo->to);
	sample->mismatched_pages = area_mismatches(&run->area,
						   run->plan.touched, 2);
	return 0;
}

static int take_sample(struct run *run, const struct row *row,
		       struct sample *sample, uint64_t seed)
{
	if (run_setup(run, row, seed))
		return -1;
	if (place_query(&run->area, run->before))
		return -1;
	if (measure_call(run, row->method, sample) ||
	    measure_touch(run, PHASE_FIRST, sample) ||
	    measure_touch(run, PHASE_SECOND, sample))
		return -1;
	return examine(run, sample);
}

static int sample_row(const struct results *res, const struct row *row,
		      struct sample *sample, uint64_t seed)
{
	struct run run = { .opts = res->opts, .topo = &res->topo };
	int ret;

	memset(sample, 0, sizeof(*sample));
	ret = take_sample(&run, row, sample, seed);
	if (ret)
		fprintf(stderr,
			"numa-bench: %s: cannot take a sample: %m; is there memory left?\n",
			row->method->name);
	run_free(&run);
	return ret;
}

/* A run that fills caches and per-CPU lists; only its contents count. */
static int warm_up(const struct results *res, const struct row *row)
{
	struct row small = *row;
	struct sample *sample = malloc(sizeof(*sample));
	size_t bad;
	int ret;

	if (!sample)
		return -1;
	if (small.bytes > WARM_UP_BYTES)
		small.bytes = WARM_UP_BYTES;
	ret = sample_row(res, &small, sample, res->opts->seed);
	bad = sample->mismatched_pages;
	free(sample);
	if (!ret && bad) {
		fprintf(stderr,
			"numa-bench: %s: %zu pages differ from what was written, in the warm-up\n",
			row->method->name, bad);
		return -1;
	}
	return ret;
}

static uint64_t sample_seed(const struct results *res, uint64_t repeat)
{
	return mix64(res->opts->seed) + (repeat << 32);
}

/*
 * Repeats are the outer loop and methods the inner one, so that a drift of the
 * machine does not favour a method.
 */
static int run_group(struct results *res, struct row *rows, size_t nr,
		     size_t all)
{
	uint64_t repeats = res->opts->repeat;

	for (size_t i = 0; i < nr; i++)
		if (!rows[i].skipped && warm_up(res, &rows[i]))
			return -1;
	for (uint64_t n = 0; n < repeats; n++)
		for (size_t i = 0; i < nr; i++) {
			struct row *row = &rows[i];

			if (row->skipped)
				continue;
			if (interrupted())
				return 0;
			progress_show(row, (row - res->rows) * repeats + n, all);
			if (sample_row(res, row, &row->samples[row->nr],
				       sample_seed(res, n)))
				return -1;
			row->nr++;
		}
	return 0;
}

static int run_all(struct results *res)
{
	size_t group = res->opts->methods.nr;
	int ret = 0;

	for (size_t i = 0; i < res->nr && !ret && !interrupted(); i += group)
		ret = run_group(res, res->rows + i, group,
				res->nr * res->opts->repeat);
	progress_clear();
	res->interrupted = interrupted();
	return ret;
}

static int write_results(const struct results *res)
{
	const struct migrate_opts *opts = res->opts;
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
	struct migrate_opts opts;
	struct results *res;
	struct topo topo;
	int ret;

	migrate_parse(&opts, argc, argv);
	ret = topo_choose(&topo, opts.from, opts.to);
	if (ret)
		return ret;
	res = results_new(&opts, &topo);
	if (!res || counters_init())
		return NB_CHECK_FAILED;
	interrupt_setup();
	ret = run_all(res);
	if (write_results(res))
		ret = -1;
	ret = ret ? NB_CHECK_FAILED : results_status(res);
	results_free(res);
	return ret;
}
