// SPDX-License-Identifier: GPL-2.0
/*
 * One sample: fill a new area on one node, move it by one method, touch it twice
 * from another node.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "results.h"

const char *const phase_names[NR_PHASES] = {
	"call", "first_touch", "second_touch",
};

struct run {
	const struct workload *workload;
	const struct bench_opts *opts;
	const struct pairs *pairs;
	struct area area;
	struct touch_plan plan;
	int *cpus;	/* of the touching threads */
	int *before;	/* node of each base page */
	int *after;
};

/* Fills each part on its node, by a CPU of that node if there is one. */
static int fill(struct run *run, uint64_t seed)
{
	unsigned int nr = run->pairs->nr;

	for (unsigned int i = 0; i < nr; i++) {
		const struct topo *topo = &run->pairs->pair[i];

		if (bind_part(&run->area, i, nr, topo->from, 0) ||
		    topo_bind_cpu(topo->write_cpu))
			return -1;
		area_fill(&run->area, i, nr, seed);
	}
	run->area.thps = area_thps(&run->area);
	return 0;
}

/*
 * Methods share the order of touches but not the contents: a stale page of an
 * earlier sample must not look like a correct copy.
 */
static int run_setup(struct run *run, const struct row *row, uint64_t seed)
{
	uint64_t contents = mix64(seed ^ ((uint64_t)(row->method - methods) << 56));
	unsigned int parts = row->threads * run->pairs->nr;

	if (page_kind_allow(row->kind) ||
	    area_map(&run->area, row->kind, row->bytes))
		return -1;
	run->before = calloc(run->area.nr_pages, sizeof(*run->before));
	run->after = calloc(run->area.nr_pages, sizeof(*run->after));
	run->cpus = calloc(parts, sizeof(*run->cpus));
	if (!run->before || !run->after || !run->cpus)
		return -1;
	for (unsigned int i = 0; i < parts; i++)
		run->cpus[i] = topo_nth_cpu(run->pairs->pair[i / row->threads].to,
					    i % row->threads);
	if (touch_plan_make(&run->plan, &run->area, &row->pattern, parts, seed) ||
	    fill(run, contents))
		return -1;
	return topo_bind_cpu(run->pairs->pair[0].touch_cpu);
}

static int measure_call(struct run *run, const struct method *method,
			struct sample *sample)
{
	struct method_args args = { .area = &run->area, .pairs = run->pairs };
	struct counters *counts = &sample->counts[PHASE_CALL];
	uint64_t start;
	int ret;

	if (method->prepare && method->prepare(&args))
		return -1;
	if (counters_start(counts))
		return -1;
	start = now_ns();
	sample->call_result = method->call(&args);
	sample->wall_ns[PHASE_CALL] = now_ns() - start;
	sample->ns[PHASE_CALL] = sample->wall_ns[PHASE_CALL];
	sample->call_errno = sample->call_result < 0 ? errno : 0;
	ret = counters_stop(counts);
	if (method->finish && method->finish(&args))
		ret = -1;
	return ret;
}

static int touch_all(struct run *run, struct touch_time *time)
{
	uint64_t start;

	if (run->plan.nr_parts > 1)
		return team_touch(&run->plan, &run->area, run->cpus, time);
	start = now_ns();
	touch_run(&run->plan, &run->area, 0);
	time->wall_ns = now_ns() - start;
	time->cpu_ns = time->wall_ns;
	return 0;
}

/*
 * The cost of a touch by several threads is the sum of their CPU times. A clock
 * that counts instructions counts those of all CPUs, which QEMU runs in turns:
 * each thread would be charged for the turns of the others. There, the cost is
 * the time from the first begin to the last end.
 */
static int measure_touch(struct run *run, enum phase phase,
			 struct sample *sample)
{
	struct counters *counts = &sample->counts[phase];
	struct touch_time time = { 0 };

	if (counters_start(counts) || touch_all(run, &time) ||
	    counters_stop(counts))
		return -1;
	sample->wall_ns[phase] = time.wall_ns;
	sample->ns[phase] = run->opts->out.instructions ? time.wall_ns : time.cpu_ns;
	counts->minor_faults += time.minor_faults;
	counts->major_faults += time.major_faults;
	return 0;
}

static int measure_first_touch(struct run *run, struct sample *sample)
{
	struct counters *counts = &sample->counts[PHASE_FIRST];

	if (!run->workload->first_touch)
		return measure_touch(run, PHASE_FIRST, sample);
	if (counters_start(counts) ||
	    run->workload->first_touch(&run->plan, &run->area, sample))
		return -1;
	return counters_stop(counts);
}

/* Queries placement before reading the contents, which touches all pages. */
static int examine(struct run *run, struct sample *sample)
{
	unsigned int nr = run->pairs->nr;

	sample->thps_before = run->area.thps;
	sample->thps_after = area_thps(&run->area);
	sample->touched_pages = run->plan.nr_pages;
	if (place_query(&run->area, run->after))
		return -1;
	for (unsigned int i = 0; i < nr; i++) {
		size_t first = area_part_begin(&run->area, i, nr);

		place_add(&sample->place, run->before + first,
			  run->after + first, run->plan.touched + first,
			  area_part_begin(&run->area, i + 1, nr) - first,
			  run->pairs->pair[i].to);
	}
	sample->mismatched_pages = area_mismatches(&run->area,
						   run->plan.touched, 2);
	return 0;
}

int sample_take(const struct results *res, const struct row *row,
		struct sample *sample, uint64_t seed)
{
	struct run run = {
		.workload = res->workload, .opts = res->opts,
		.pairs = row->pairs,
	};
	int ret;

	memset(sample, 0, sizeof(*sample));
	if (row->window != WINDOW_NONE && window_set(row->window))
		return -1;
	ret = run_setup(&run, row, seed) || place_query(&run.area, run.before) ||
	      measure_call(&run, row->method, sample) ||
	      measure_first_touch(&run, sample) ||
	      measure_touch(&run, PHASE_SECOND, sample) || examine(&run, sample);
	if (ret) {
		fprintf(stderr,
			"numa-bench: %s: cannot take a sample: %m; is there memory left?\n",
			row->method->name);
		times_free(&sample->times);
	}
	area_unmap(&run.area);
	touch_plan_free(&run.plan);
	free(run.cpus);
	free(run.before);
	free(run.after);
	return ret ? -1 : 0;
}
