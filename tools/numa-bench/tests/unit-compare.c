// SPDX-License-Identifier: GPL-2.0
/* Ratios of known samples, their intervals, and verdicts. */
#include <math.h>

#include "compare.h"
#include "unit.h"

static bool close_to(double value, double want)
{
	return fabs(value - want) < 0.000001;
}

static void test_ratios(void)
{
	static const double a[] = { 100, 90, 110 }, b[] = { 220, 200, 180 };
	static const double zero[] = { 0, 0 }, never[] = { INFINITY, INFINITY };
	struct cmp_ratio ratio = cmp_ratio(a, 3, b, 3, 1), again;

	ok(close_to(ratio.a, 100) && close_to(ratio.b, 200) &&
	   close_to(ratio.ratio, 2) && !ratio.single, "a ratio of medians");
	ok(ratio.low >= 180.0 / 110 && ratio.low < 2 && ratio.high > 2 &&
	   ratio.high <= 220.0 / 90, "the interval lies between the extremes");
	again = cmp_ratio(a, 3, b, 3, 1);
	ok(close_to(again.low, ratio.low) && close_to(again.high, ratio.high),
	   "the same seed gives the same interval");
	ratio = cmp_ratio(a, 1, b, 3, 1);
	ok(ratio.single && close_to(ratio.low, 2) && close_to(ratio.high, 2),
	   "one sample has no interval");
	ok(close_to(cmp_ratio(zero, 2, zero, 2, 1).ratio, 1) &&
	   close_to(cmp_ratio(never, 2, never, 2, 1).ratio, 1),
	   "ratios of 0 to 0, and of never to never, are 1");
	ok(isinf(cmp_ratio(zero, 2, a, 3, 1).ratio) &&
	   isinf(cmp_ratio(a, 3, never, 2, 1).ratio) &&
	   close_to(cmp_ratio(never, 2, a, 3, 1).ratio, 0),
	   "ratios to 0 and to never");
}

/* A uniform distribution, for which the width of the interval is known */
static void test_interval(void)
{
	double a[1000], b[1000];
	struct cmp_ratio ratio;

	for (int i = 0; i < 1000; i++) {
		a[i] = 1000 + i;
		b[i] = 1000 + (i * 7) % 1000;	/* the same in another order */
	}
	ratio = cmp_ratio(a, 1000, b, 1000, 1);
	/* The median's standard error: 500 / sqrt(1000), of two of them */
	ok(close_to(ratio.ratio, 1) && ratio.low > 0.95 && ratio.low < 0.98 &&
	   ratio.high > 1.02 && ratio.high < 1.05,
	   "the interval of a uniform distribution has the width of theory");
}

static enum verdict judge(double ratio, double low, double high, bool more)
{
	struct cmp_ratio r = { .ratio = ratio, .low = low, .high = high };

	return cmp_judge(&r, more, 0.05);
}

static void test_verdicts(void)
{
	ok(judge(1.04, 1.03, 1.05, false) == SAME &&
	   judge(0.96, 0.95, 0.97, false) == SAME,
	   "within the threshold nothing is worse");
	ok(judge(1.2, 1.1, 1.3, false) == WORSE &&
	   judge(0.8, 0.7, 0.9, true) == WORSE,
	   "more of a cost and less of a gain are worse");
	ok(judge(0.8, 0.7, 0.9, false) == BETTER &&
	   judge(1.2, 1.1, 1.3, true) == BETTER, "less of a cost and more of a gain are better");
	ok(judge(1.2, 0.99, 1.3, false) == UNSURE &&
	   judge(0.8, 0.7, 1.01, true) == UNSURE,
	   "a ratio within the spread is neither");
	ok(judge(INFINITY, INFINITY, INFINITY, false) == WORSE &&
	   judge(0, 0, 0, false) == BETTER, "a cost after 0 is worse");
}

static void test_metrics(void)
{
	bool in_order = true;

	for (size_t i = 0; i < cmp_nr_metrics; i++)
		in_order &= cmp_metrics[i].name && cmp_metrics[i].member[0];
	ok(in_order && cmp_metric_of(&cmp_metrics[0], "migrate") &&
	   cmp_metric_of(&cmp_metrics[0], "scale") &&
	   !cmp_metric_of(&cmp_metrics[0], "latency") &&
	   !cmp_metric_of(&cmp_metrics[0], "migr") &&
	   !cmp_metric_of(&cmp_metrics[0], ""), "figures know their commands");
}

void test_compare(void)
{
	test_ratios();
	test_interval();
	test_verdicts();
	test_metrics();
}
