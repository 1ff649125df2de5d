// SPDX-License-Identifier: GPL-2.0
/*
 * The workload "latency": how long a thread waits in a touch that faults. Each
 * touch is timed on its own; getrusage(2) before and after, outside of the time,
 * tells whether it took a fault.
 */
#include <argp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "json-put.h"
#include "results.h"

void latency_sum_free(struct latency_sum *sum)
{
	free(sum->sorted_ns);
	memset(sum, 0, sizeof(*sum));
}

static void take_percentiles(struct latency_sum *sum)
{
	const uint64_t *ns = sum->sorted_ns;
	size_t nr = sum->nr_faulting;

	for (size_t i = 0; i < nr; i++)
		sum->mean_ns += (double)ns[i] / (double)nr;
	sum->p50_ns = percentile_of(ns, nr, 500);
	sum->p90_ns = percentile_of(ns, nr, 900);
	sum->p99_ns = percentile_of(ns, nr, 990);
	sum->p999_ns = percentile_of(ns, nr, 999);
	sum->max_ns = percentile_of(ns, nr, 1000);
}

/* The median of all touches without a fault; @ns is scratch memory. */
static uint64_t median_hit(const struct sample *samples, size_t nr,
			   uint64_t *ns)
{
	size_t hits = 0;

	for (size_t i = 0; i < nr; i++) {
		const struct touch_times *times = &samples[i].times;

		memcpy(ns + hits, times->hit_ns, times->nr_hits * sizeof(*ns));
		hits += times->nr_hits;
	}
	sort_u64(ns, hits);
	return percentile_of(ns, hits, 500);
}

int latency_sum(struct latency_sum *sum, const struct sample *samples, size_t nr)
{
	size_t touches = 0;

	memset(sum, 0, sizeof(*sum));
	for (size_t i = 0; i < nr; i++)
		touches += samples[i].times.nr_faulting + samples[i].times.nr_hits;
	sum->sorted_ns = malloc((touches + 1) * sizeof(*sum->sorted_ns));
	if (!sum->sorted_ns)
		return -1;
	sum->hit_p50_ns = median_hit(samples, nr, sum->sorted_ns);
	for (size_t i = 0; i < nr; i++) {
		const struct touch_times *times = &samples[i].times;

		memcpy(sum->sorted_ns + sum->nr_faulting, times->fault_ns,
		       times->nr_faulting * sizeof(*times->fault_ns));
		sum->nr_faulting += times->nr_faulting;
		sum->faults += times->faults;
		sum->touched_pages += samples[i].touched_pages;
	}
	sort_u64(sum->sorted_ns, sum->nr_faulting);
	take_percentiles(sum);
	return 0;
}

size_t run_length(const uint64_t *sorted, size_t nr)
{
	size_t i = 1;

	while (i < nr && sorted[i] == sorted[0])
		i++;
	return i;
}

static void print_head(const struct row *row, FILE *out)
{
	report_group(row, out);
	fprintf(out,
		"%-11s %6s %8s %8s %8s %7s %9s %8s %8s %8s %8s %9s %8s %7s %8s\n",
		"method", "window", "touches", "faulting", "faults", "f/page",
		"mean", "p50", "p90", "p99", "p99.9", "max", "no-fault",
		"m/touch", "left");
}

static void print_row(const struct row *row, FILE *out)
{
	const struct sample *last = &row->samples[row->nr - 1];
	struct latency_sum sum;

	if (latency_sum(&sum, row->samples, row->nr))
		return;
	fprintf(out, " %8zu %8zu %8zu %7.4f %9.1f", sum.touched_pages,
		sum.nr_faulting, sum.faults,
		(double)sum.faults / (double)sum.touched_pages, sum.mean_ns);
	fprintf(out, " %8llu %8llu %8llu %8llu %9llu %8llu",
		(unsigned long long)sum.p50_ns, (unsigned long long)sum.p90_ns,
		(unsigned long long)sum.p99_ns, (unsigned long long)sum.p999_ns,
		(unsigned long long)sum.max_ns, (unsigned long long)sum.hit_p50_ns);
	fprintf(out, " %7.3f %8zu\n", moved_per_touched(last),
		last->place.left_behind_pages);
	latency_sum_free(&sum);
}

static void latency_table(const struct results *res, FILE *out)
{
	report_header(res, out);
	fprintf(out,
		"%s of a touch that took a fault, all repeats together; what reading the clock costs is subtracted\n",
		res->opts->out.instructions ? "Instructions" : "ns");
	fprintf(out,
		"f/page: faults per page touched; no-fault: median of the other touches; m/touch: moved per touched; left: touched, not on node %d\n",
		res->topo.to);
	for (size_t i = 0; i < res->nr; i++) {
		if (i % res->group == 0)
			print_head(&res->rows[i], out);
		report_method(&res->rows[i], out);
		if (!report_left_out(&res->rows[i], out))
			print_row(&res->rows[i], out);
		report_perf(&res->rows[i], out);
	}
	report_end(res, out);
}

static void put_sum(struct json_object *obj, const struct latency_sum *sum)
{
	put_u64(obj, "touched_pages", sum->touched_pages);
	put_u64(obj, "faulting_touches", sum->nr_faulting);
	put_u64(obj, "faults", sum->faults);
	put_double(obj, "faults_per_page",
		   (double)sum->faults / (double)sum->touched_pages);
	put_double(obj, "mean_ns", sum->mean_ns);
	put_u64(obj, "p50_ns", sum->p50_ns);
	put_u64(obj, "p90_ns", sum->p90_ns);
	put_u64(obj, "p99_ns", sum->p99_ns);
	put_u64(obj, "p999_ns", sum->p999_ns);
	put_u64(obj, "max_ns", sum->max_ns);
	put_u64(obj, "no_fault_p50_ns", sum->hit_p50_ns);
}

static struct json_object *json_sample(const struct sample *s)
{
	struct json_object *obj = json_object_new_object();
	struct latency_sum sum;

	if (!latency_sum(&sum, s, 1))
		put_sum(obj, &sum);
	latency_sum_free(&sum);
	put_u64(obj, "clock_ns", s->times.clock_ns);
	put_u64(obj, "call_ns", s->ns[PHASE_CALL]);
	put_u64(obj, "moved_pages", s->place.moved_pages);
	put_u64(obj, "moved_untouched_pages", s->place.moved_untouched_pages);
	put_double(obj, "moved_per_touched", moved_per_touched(s));
	put_u64(obj, "left_behind_pages", s->place.left_behind_pages);
	put_u64(obj, "mismatched_pages", s->mismatched_pages);
	return obj;
}

/* [[ns, touches], ...]: exact values and how often they occurred */
static struct json_object *json_histogram(const struct latency_sum *sum)
{
	struct json_object *list = json_object_new_array();
	size_t nr;

	for (size_t i = 0; i < sum->nr_faulting; i += nr) {
		struct json_object *pair = json_object_new_array();

		nr = run_length(sum->sorted_ns + i, sum->nr_faulting - i);
		json_object_array_add(pair,
				      json_object_new_uint64(sum->sorted_ns[i]));
		json_object_array_add(pair, json_object_new_uint64(nr));
		json_object_array_add(list, pair);
	}
	return list;
}

static void latency_json(const struct results *res, const struct row *row,
			 struct json_object *obj)
{
	struct json_object *samples = json_object_new_array();
	struct json_object *summary = NULL, *histogram = NULL;
	struct latency_sum sum;

	for (size_t i = 0; i < row->nr; i++)
		json_object_array_add(samples, json_sample(&row->samples[i]));
	put(obj, "samples", samples);
	if (row->nr && !latency_sum(&sum, row->samples, row->nr)) {
		summary = json_object_new_object();
		put_sum(summary, &sum);
		histogram = json_histogram(&sum);
		latency_sum_free(&sum);
	}
	put(obj, "summary", summary);
	put(obj, "histogram", histogram);
}

static const char *const latency_columns[] = { "sample", "ns", "touches", NULL };

/* A line for each distinct duration of a sample */
static void latency_csv(const struct row *row, FILE *out)
{
	for (size_t i = 0; i < row->nr; i++) {
		const struct touch_times *times = &row->samples[i].times;
		size_t nr;

		for (size_t j = 0; j < times->nr_faulting; j += nr) {
			nr = run_length(times->fault_ns + j,
					times->nr_faulting - j);
			csv_row_key(row, out);
			fprintf(out, ",%zu,%llu,%zu\n", i,
				(unsigned long long)times->fault_ns[j], nr);
		}
	}
}

#define CLOCK_PAIRS	1001

static uint64_t faults_so_far(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return (uint64_t)usage.ru_minflt + (uint64_t)usage.ru_majflt;
}

/* Cost of reading the clock: the median excludes ticks. */
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

/* Writes the arrays, so that recording takes no fault. */
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
