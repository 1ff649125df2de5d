// SPDX-License-Identifier: GPL-2.0
/*
 * The workload "latency": how long the thread waits in a touch that faults.
 * Each touch is timed on its own, and whether it took a fault is asked before
 * and after, outside of the time.
 */
#include <argp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "latency.h"

#define CLOCK_PAIRS	1001

static uint64_t faults_so_far(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return (uint64_t)usage.ru_minflt + (uint64_t)usage.ru_majflt;
}

/* What the clock says of nothing: the median, as a tick may fall into one */
static uint64_t clock_cost(void)
{
	uint64_t cost[CLOCK_PAIRS];

	for (size_t i = 0; i < CLOCK_PAIRS; i++) {
		uint64_t start = now_ns();

		cost[i] = now_ns() - start;
	}
	sort_u64(cost, CLOCK_PAIRS);
	return percentile_of(cost, CLOCK_PAIRS, 500);
}

/* Written, so that recording takes no fault itself */
static int times_alloc(struct touch_times *times, size_t nr)
{
	times->fault_ns = malloc(nr * sizeof(*times->fault_ns));
	times->hit_ns = malloc(nr * sizeof(*times->hit_ns));
	if (!times->fault_ns || !times->hit_ns)
		return -1;
	memset(times->fault_ns, 1, nr * sizeof(*times->fault_ns));
	memset(times->hit_ns, 1, nr * sizeof(*times->hit_ns));
	return 0;
}

void times_free(struct touch_times *times)
{
	free(times->fault_ns);
	free(times->hit_ns);
	memset(times, 0, sizeof(*times));
}

static void touch_timed(char *page, struct touch_times *times)
{
	uint64_t before = faults_so_far(), start, ns, faults;

	start = now_ns();
	(*(uint64_t *)page)++;
	barrier();
	ns = now_ns() - start;
	faults = faults_so_far() - before;
	ns = ns > times->clock_ns ? ns - times->clock_ns : 0;
	if (faults)
		times->fault_ns[times->nr_faulting++] = ns;
	else
		times->hit_ns[times->nr_hits++] = ns;
	times->faults += faults;
}

static int first_touch(const struct touch_plan *plan, const struct area *area,
		       struct sample *sample)
{
	struct touch_times *times = &sample->times;

	if (times_alloc(times, plan->nr_pages))
		return -1;
	times->clock_ns = clock_cost();
	for (size_t i = 0; i < plan->nr_pages; i++) {
		size_t page = plan->order ? plan->order[i] : i;

		touch_timed(area->base + page * area->page_bytes, times);
	}
	sort_u64(times->fault_ns, times->nr_faulting);
	sort_u64(times->hit_ns, times->nr_hits);
	return 0;
}

const struct workload latency = {
	.name = "latency",
	.doc = "Time each touch that migrates, after mbind-lazy.\vSee numa-bench(1) too.",
	.first_touch = first_touch,
	.table = latency_table,
	.json = latency_json,
	.columns = latency_columns,
	.csv = latency_csv,
};

int latency_main(int argc, char **argv)
{
	struct bench_opts opts;

	bench_defaults(&opts);
	opts.methods.nr = 0;
	opts.methods.idx[opts.methods.nr++] = METHOD_MBIND_LAZY;
	bench_parse(&opts, &latency, argc, argv);
	return bench_run(&latency, &opts);
}
