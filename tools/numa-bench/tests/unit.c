// SPDX-License-Identifier: GPL-2.0
/* What needs no second node: parsing, statistics, plans, contents, JSON. TAP. */
#include <numa.h>
#include <stdlib.h>
#include <string.h>

#include "latency.h"

static unsigned int tests, failures;

static void ok(bool good, const char *name)
{
	printf("%s %u - %s\n", good ? "ok" : "not ok", ++tests, name);
	failures += !good;
}

static bool size_is(const char *s, size_t want)
{
	size_t got = 0;

	return !parse_size(s, &got) && got == want;
}

static bool size_bad(const char *s)
{
	size_t got;

	return parse_size(s, &got) < 0;
}

static void test_sizes(void)
{
	struct size_list list;
	char buf[32];

	ok(size_is("4096", 4096) && size_is("64K", 65536) &&
	   size_is("64m", 64UL << 20) && size_is("1GiB", 1UL << 30) &&
	   size_is("2TB", 2UL << 40), "sizes with suffixes");
	ok(size_bad("") && size_bad("0") && size_bad("-1M") && size_bad("1X") &&
	   size_bad("1Mi") && size_bad("1.5G") && size_bad("99999999T") &&
	   size_bad("99999999999999999999"), "bad sizes are refused");
	ok(!parse_sizes("1M,2M,4M", &list) && list.nr == 3 &&
	   list.bytes[2] == 4UL << 20, "a list of sizes");
	ok(parse_sizes("1M,", &list) && parse_sizes(",1M", &list) &&
	   parse_sizes("1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1", &list),
	   "lists with empty or too many sizes are refused");
	ok(!strcmp(format_size(64UL << 20, buf, sizeof(buf)), "64M") &&
	   !strcmp(format_size(4097, buf, sizeof(buf)), "4097"),
	   "sizes are printed with the largest exact suffix");
}

static void test_numbers(void)
{
	struct num_list list;

	ok(!parse_numbers("1,16,4", 1, 16, &list) && list.nr == 3 &&
	   list.val[1] == 16, "a list of numbers");
	ok(parse_numbers("0", 1, 16, &list) && parse_numbers("17", 1, 16, &list) &&
	   parse_numbers("1,", 1, 16, &list) && parse_numbers("", 1, 16, &list) &&
	   parse_numbers("-1", 0, 16, &list) && parse_numbers("x", 1, 16, &list),
	   "numbers out of range and other words are refused");
}

static void test_windows(void)
{
	struct num_list list;

	ok(!parse_windows("0,default,512", &list) && list.nr == 3 &&
	   !list.val[0] && list.val[1] == WINDOW_DEFAULT && list.val[2] == 512,
	   "a list of windows");
	ok(parse_windows("513", &list) && parse_windows("-1", &list) &&
	   parse_windows("", &list) && parse_windows("64,", &list) &&
	   parse_windows("Default", &list), "bad windows are refused");
}

static void test_values(void)
{
	static const char *const names[] = { "a", "bb", "c" };
	struct name_list list;
	double f = 0;

	ok(!parse_percent("10%", &f) && f == 0.1 &&
	   !parse_percent("2.5", &f) && f == 0.025, "percentages");
	ok(parse_percent("0", &f) && parse_percent("101%", &f) &&
	   parse_percent("x", &f) && parse_percent("10%%", &f) &&
	   parse_percent("nan", &f), "bad percentages are refused");
	ok(!parse_names("c,a", names, 3, &list) && list.nr == 2 &&
	   list.idx[0] == 2 && list.idx[1] == 0, "names keep their order");
	ok(!parse_names("all", names, 3, &list) && list.nr == 3, "all names");
	ok(parse_names("a,a", names, 3, &list) &&
	   parse_names("b", names, 3, &list) && parse_names("", names, 3, &list),
	   "unknown, empty and repeated names are refused");
}

static void test_stats(void)
{
	static const double odd[] = { 5, 1, 3 }, even[] = { 4, 1, 3, 2 };
	struct stat_sum sum = stat_of(odd, 3);

	ok(sum.median == 3 && sum.min == 1 && sum.max == 5 &&
	   sum.spread_percent > 133.3 && sum.spread_percent < 133.4,
	   "median and spread of an odd number of samples");
	ok(stat_of(even, 4).median == 2.5, "median of an even number");
	ok(stat_of(odd, 1).median == 5 && stat_of(odd, 1).spread_percent == 0,
	   "one sample has no spread");
	ok(stat_of(odd, 0).median == 0, "no sample gives zeroes");
}

static void test_percentiles(void)
{
	uint64_t values[1000], two[] = { 7, 9 };

	for (size_t i = 0; i < 1000; i++)
		values[i] = 1000 - i;
	sort_u64(values, 1000);
	ok(percentile_of(values, 1000, 500) == 500 &&
	   percentile_of(values, 1000, 900) == 900 &&
	   percentile_of(values, 1000, 990) == 990 &&
	   percentile_of(values, 1000, 999) == 999 &&
	   percentile_of(values, 1000, 1000) == 1000,
	   "percentiles of 1 to 1000");
	ok(percentile_of(values, 999, 999) == 999 &&
	   percentile_of(values, 11, 900) == 10, "ranks are rounded up");
	ok(percentile_of(two, 2, 500) == 7 && percentile_of(two, 2, 501) == 9 &&
	   percentile_of(two, 1, 0) == 7 && percentile_of(two, 0, 500) == 0,
	   "percentiles of two, one and no values");
	ok(run_length(two, 2) == 1 && run_length(two, 1) == 1,
	   "runs of different values are one long");
	values[1] = values[0];
	values[2] = values[0];
	ok(run_length(values, 1000) == 3 && run_length(values, 2) == 2,
	   "runs of equal values");
}

/* Two samples: 3 and 1 touches that faulted, 1 and 1 that did not */
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

	for (int i = 0; i < 2; i++) {
		samples[i].touched_pages = 4 - 2 * i;
		samples[i].times = (struct touch_times) {
			.fault_ns = ns[i], .nr_faulting = 3 - 2 * i,
			.hit_ns = hits[i], .nr_hits = 1, .faults = 4 - 2 * i,
		};
	}
	ok(!latency_sum(&sum, samples, 2) && sum.nr_faulting == 4 &&
	   sum.faults == 6 && sum.touched_pages == 6, "samples are put together");
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

static void test_shuffle(void)
{
	uint32_t a[100], b[100];
	bool seen[100] = { false };
	unsigned int moved = 0, nr = 0;

	for (uint32_t i = 0; i < 100; i++)
		a[i] = i;
	memcpy(b, a, sizeof(a));
	shuffle(a, 100, 7);
	shuffle(b, 100, 7);
	for (uint32_t i = 0; i < 100; i++) {
		moved += a[i] != i;
		nr += !seen[a[i]];
		seen[a[i]] = true;
	}
	ok(nr == 100 && moved > 50, "a shuffled order is a permutation");
	ok(!memcmp(a, b, sizeof(a)), "the same seed gives the same order");
	shuffle(b, 100, 8);
	ok(memcmp(a, b, sizeof(a)), "another seed gives another order");
}

static void test_plans(void)
{
	struct area area = {
		.bytes = 1024 * 4096, .page_bytes = 4096, .unit_bytes = 4096,
		.nr_pages = 1024,
	};
	struct touch_plan plan;
	bool sorted = true;

	touch_plan_make(&plan, &area, TOUCH_SEQ, 1, 1, 1);
	ok(!plan.order && plan.nr_pages == 1024, "all in sequence needs no order");
	touch_plan_free(&plan);
	touch_plan_make(&plan, &area, TOUCH_SEQ, 0.1, 1, 1);
	for (size_t i = 1; i < plan.nr_pages; i++)
		sorted &= plan.order[i - 1] < plan.order[i];
	ok(plan.nr_pages == 102 && sorted, "a tenth of the pages, ascending");
	touch_plan_free(&plan);
	area.unit_bytes = 64 * 4096;
	touch_plan_make(&plan, &area, TOUCH_RANDOM, 0.25, 1, 1);
	sorted = plan.touched[plan.order[0] / 64 * 64 + 63];
	ok(plan.nr_pages == 256 && sorted, "large pages are chosen whole");
	touch_plan_free(&plan);
}

/* Each page of the area in one part only, in ascending parts */
static bool parts_cover(const struct touch_plan *plan, const struct area *area)
{
	size_t nr = 0;

	for (unsigned int part = 0; part < plan->nr_parts; part++) {
		size_t low = area_part_begin(area, part, plan->nr_parts);
		size_t high = area_part_begin(area, part + 1, plan->nr_parts);

		for (size_t i = plan->begin[part]; i < plan->begin[part + 1]; i++) {
			uint32_t page = plan->order ? plan->order[i] : i;

			nr += page >= low && page < high && plan->touched[page];
		}
	}
	return nr == plan->nr_pages;
}

static void test_parts(void)
{
	struct area area = {
		.bytes = 1000 * 4096, .page_bytes = 4096, .unit_bytes = 4096,
		.nr_pages = 1000,
	};
	struct touch_plan plan;
	bool good;

	touch_plan_make(&plan, &area, TOUCH_SEQ, 1, 3, 1);
	ok(!plan.order && plan.begin[1] == 333 && plan.begin[2] == 666 &&
	   parts_cover(&plan, &area), "parts of threads, in sequence");
	touch_plan_free(&plan);
	touch_plan_make(&plan, &area, TOUCH_RANDOM, 1, 3, 1);
	good = parts_cover(&plan, &area) && plan.order[0] + 1 != plan.order[1];
	touch_plan_free(&plan);
	touch_plan_make(&plan, &area, TOUCH_RANDOM, 0.1, 7, 1);
	ok(good && parts_cover(&plan, &area), "parts of threads, random");
	touch_plan_free(&plan);
	area.unit_bytes = 100 * 4096;
	touch_plan_make(&plan, &area, TOUCH_SEQ, 1, 4, 1);
	ok(plan.begin[1] == 200 && plan.begin[2] == 500 &&
	   plan.begin[3] == 700, "no large page belongs to two threads");
	touch_plan_free(&plan);
}

static void test_place(void)
{
	static const int before[] = { 1, 1, 1, 0, 1 };
	static const int after[] = { 0, 0, 1, 0, -2 };
	static const bool touched[] = { true, false, true, true, true };
	struct placement *place = malloc(sizeof(*place));

	place_compare(place, before, after, touched, 5, 0);
	ok(place->node_pages[0] == 3 && place->node_pages[1] == 1 &&
	   place->absent_pages == 1, "pages are counted by node");
	ok(place->moved_pages == 2 && place->moved_untouched_pages == 1,
	   "moved pages, and those that nobody touched");
	ok(place->left_behind_pages == 2, "touched pages left behind");
	free(place);
}

static void test_contents(void)
{
	static bool touched[1024];
	struct touch_plan plan;
	struct area area;
	uint64_t *page;

	if (numa_available() < 0 || area_map(&area, PAGES_4K, 1024 * base_page_bytes(), 0)) {
		printf("ok %u - contents # SKIP no mbind(2) here\n", ++tests);
		return;
	}
	area_fill(&area, 3);
	ok(!area_mismatches(&area, touched, 2), "contents as written");
	touch_plan_make(&plan, &area, TOUCH_RANDOM, 0.5, 1, 1);
	touch_run(&plan, &area, 0);
	ok(!area_mismatches(&area, plan.touched, 1), "each touch adds one");
	ok(area_mismatches(&area, plan.touched, 2) == 512,
	   "a lost touch is noticed");
	page = (uint64_t *)(area.base + 5 * area.page_bytes);
	page[100]++;
	ok(area_mismatches(&area, plan.touched, 1) == 1,
	   "one wrong word is noticed");
	memcpy(area.base, area.base + area.page_bytes, area.page_bytes);
	ok(area_mismatches(&area, plan.touched, 1) == 2,
	   "a page in another's place is noticed");
	touch_plan_free(&plan);
	area_unmap(&area);
}

static void test_team(void)
{
	struct area area = {
		.bytes = 256 * 4096, .page_bytes = 4096, .unit_bytes = 4096,
		.nr_pages = 256,
	};
	const int cpu = topo_first_cpu(0);
	const int cpus[] = { cpu, cpu, cpu }, wrong[] = { cpu, cpu, 100000 };
	struct touch_time time = { 0 };
	struct touch_plan plan;
	size_t touched = 0;

	area.base = calloc(1, area.bytes);
	touch_plan_make(&plan, &area, TOUCH_RANDOM, 0.5, 3, 1);
	ok(!team_touch(&plan, &area, cpus, &time) && time.wall_ns &&
	   time.cpu_ns, "three threads on one CPU");
	for (size_t i = 0; i < area.nr_pages; i++)
		touched += *(uint64_t *)(area.base + i * 4096) == plan.touched[i];
	ok(touched == 256, "threads touch each page of the plan once");
	ok(team_touch(&plan, &area, wrong, &time) < 0,
	   "a CPU that does not exist is an error");
	touch_plan_free(&plan);
	free(area.base);
}

/* 1000 ns of call and 500 of first touch, 100 of them the loop's, 10 pages */
static void test_results(const char *json_path)
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
	for (int i = 0; i < 4; i++)
		rows[i].bytes = 20 * base_page_bytes();
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
	ok(results_status(&res) == NB_OK, "all well: status 0");
	ok(!json_write(&res, json_path), "JSON is written");
	res.interrupted = true;
	ok(results_status(&res) == NB_INTERRUPTED, "interrupted: status 130");
	samples[0].mismatched_pages = 1;
	/* What it says to users is no news here. */
	if (!freopen("/dev/null", "w", stderr))
		printf("# stderr stays open\n");
	ok(results_status(&res) == NB_CHECK_FAILED, "wrong contents: status 1");
	free(samples);
}

int main(int argc, char **argv)
{
	test_sizes();
	test_numbers();
	test_windows();
	test_values();
	test_stats();
	test_shuffle();
	test_plans();
	test_parts();
	test_team();
	test_place();
	test_contents();
	test_percentiles();
	test_latency(argc > 2 ? argv[2] : "/dev/null");
	test_results(argc > 1 ? argv[1] : "/dev/null");
	printf("1..%u\n", tests);
	return failures ? 1 : 0;
}
