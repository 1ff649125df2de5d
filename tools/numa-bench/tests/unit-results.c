// SPDX-License-Identifier: GPL-2.0
/* Figures and JSON of known samples. */
#include <stdlib.h>

#include "results.h"
#include "unit.h"

static const struct pairs one_pair = { .pair = { { 1, 0, 0, 0 } }, .nr = 1 };

/* Two samples with 3 and 1 faulting touches, and one other touch each */
static void test_latency(const char *json_path)
{
	uint64_t ns[2][3] = { { 10, 20, 20 }, { 400 } }, hits[2][1] = { { 3 }, { 1 } };
	struct bench_opts opts = { .repeat = 2 };
	struct sample *samples = calloc(2, sizeof(*samples));
	struct row rows[] = {
		{ .method = &methods[METHOD_MBIND_LAZY], .samples = samples,
		  .nr = 2, .window = 8, .bytes = 4 * base_page_bytes() },
		{ .method = &methods[METHOD_MBIND_LAZY], .skipped = "it" },
	};
	struct results res = {
		.workload = &latency, .opts = &opts, .rows = rows, .nr = 2,
	};
	struct latency_sum sum;

	rows[0].pairs = &one_pair;
	rows[1].pairs = &one_pair;
	for (int i = 0; i < 2; i++) {
		samples[i].touched_pages = 4 - 2 * i;
		samples[i].times = (struct touch_times) {
			.fault_ns = ns[i], .nr_faulting = 3 - 2 * i,
			.hit_ns = hits[i], .nr_hits = 1, .faults = 4 - 2 * i,
		};
	}
	ok(!latency_sum(&sum, samples, 2) && sum.nr_faulting == 4 &&
	   sum.faults == 6 && sum.touched_pages == 6, "samples are summed up");
	ok(sum.p50_ns == 20 && sum.p90_ns == 400 && sum.max_ns == 400 &&
	   sum.mean_ns == 112.5 && sum.hit_p50_ns == 1,
	   "percentiles of all samples");
	latency_sum_free(&sum);
	ok(!latency_sum(&sum, samples, 0) && !sum.max_ns && !sum.mean_ns,
	   "no sample gives zeroes");
	latency_sum_free(&sum);
	ok(!json_write(&res, json_path), "JSON of latencies is written");
	free(samples);
}

/* 10 touched pages; a loop of 100 ns */
static void test_migrate(const char *json_path)
{
	struct bench_opts opts = { .argc = 0, .repeat = 1 };
	struct sample *samples = calloc(3, sizeof(*samples));
	struct row rows[] = {
		{ .method = &methods[METHOD_NONE], .samples = &samples[0], .nr = 1 },
		{ .method = &methods[METHOD_MBIND_MOVE], .samples = &samples[1], .nr = 1 },
		{ .method = &methods[METHOD_MBIND_LAZY], .samples = &samples[2], .nr = 1 },
		{ .method = &methods[METHOD_MPROTECT], .skipped = "\"quoted\"" },
	};
	struct results res = { .workload = &migrate, .opts = &opts, .rows = rows, .nr = 4 };
	struct row_sum sum;

	for (int i = 0; i < 3; i++) {
		samples[i].touched_pages = 10;
		samples[i].ns[PHASE_SECOND] = 100;
	}
	for (int i = 0; i < 4; i++) {
		rows[i].bytes = 20 * base_page_bytes();
		rows[i].pairs = &one_pair;
	}
	samples[1].ns[PHASE_CALL] = 1000;
	samples[1].ns[PHASE_FIRST] = 100;
	samples[2].ns[PHASE_CALL] = 100;
	samples[2].ns[PHASE_FIRST] = 500;
	samples[2].place.moved_pages = 12;
	sum = row_sum(&res, &rows[2]);
	ok(sum.baseline_ns == 100 && sum.per_page[PHASE_CALL] == 5 &&
	   sum.per_page[PHASE_FIRST] == 50 && sum.total_per_page == 50,
	   "costs per page, the loop subtracted once");
	ok(sum.moved_per_touched == 1.2, "pages moved per page touched");
	ok(sum.call_ratio == 0.1 && sum.total_ratio == 0.5,
	   "ratios to mbind-move");
	ok(results_status(&res) == NB_OK, "no error: status 0");
	ok(!json_write(&res, json_path), "JSON is written");
	res.interrupted = true;
	ok(results_status(&res) == NB_INTERRUPTED, "interrupted: status 130");
	samples[0].mismatched_pages = 1;
	/* Suppress the expected message. */
	if (!freopen("/dev/null", "w", stderr))
		printf("# stderr stays open\n");
	ok(results_status(&res) == NB_CHECK_FAILED, "wrong contents: status 1");
	free(samples);
}

void test_results(const char *migrate_json_path, const char *latency_json_path)
{
	test_latency(latency_json_path);
	test_migrate(migrate_json_path);
}
