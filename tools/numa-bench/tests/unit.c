// SPDX-License-Identifier: GPL-2.0
/* Unit tests that need no second node: parsing, statistics, and others. TAP. */
#include <stdlib.h>
#include <string.h>

#include "results.h"
#include "unit.h"

static unsigned int tests, failures;

void skip(const char *name, const char *reason)
{
	printf("ok %u - %s # SKIP %s\n", ++tests, name, reason);
}

void ok(bool good, const char *name)
{
	printf("%s %u - %s%s\n", good ? "ok" : "not ok", ++tests,
	       getenv("SANITIZED") ? "sanitized: " : "", name);
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

int main(int argc, char **argv)
{
	test_sizes();
	test_numbers();
	test_windows();
	test_values();
	test_stats();
	test_shuffle();
	test_area();
	test_percentiles();
	test_auto();
	test_compare();
	test_results(argc > 1 ? argv[1] : "/dev/null",
		     argc > 2 ? argv[2] : "/dev/null");
	printf("1..%u\n", tests);
	return failures ? 1 : 0;
}
