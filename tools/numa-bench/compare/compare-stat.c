// SPDX-License-Identifier: GPL-2.0
/*
 * The ratio of two medians, and an interval for it: both sides are drawn again
 * from their samples, with replacement, many times (bootstrap), and 95% of the
 * ratios of the medians drawn are inside. Few samples give an interval that is
 * about as wide as they are apart.
 */
#include <math.h>
#include <stdlib.h>

#include "compare.h"

#define DRAWS		2000
#define OUTSIDE		(DRAWS / 40)	/* on each side: 2.5% */

static double median_of(double *values, size_t nr)
{
	double low, high;

	sort_doubles(values, nr);
	low = values[(nr - 1) / 2];
	high = values[nr / 2];
	return low == high ? low : (low + high) / 2;
}

/* Nothing to nothing, and never to never, are the same. */
static double ratio_of(double a, double b)
{
	if (a == b)
		return 1;
	return isinf(a) ? 0 : b / a;
}

/* Draws begin at a number of their own in the sequence of the seed. */
static double drawn_median(const double *values, size_t nr, uint64_t seed,
			   double *room)
{
	for (size_t i = 0; i < nr; i++)
		room[i] = values[mix64(seed + i) % nr];
	return median_of(room, nr);
}

static void bootstrap(struct cmp_ratio *out, const double *a, size_t nr_a,
		      const double *b, size_t nr_b, uint64_t seed)
{
	size_t most = nr_a > nr_b ? nr_a : nr_b;
	double *room = malloc((most + DRAWS) * sizeof(*room));
	double *ratios = room + most;

	if (!room)
		return;
	for (uint64_t i = 0; i < DRAWS; i++) {
		uint64_t draw = mix64(seed + i);
		double drawn_a = drawn_median(a, nr_a, draw, room);

		ratios[i] = ratio_of(drawn_a, drawn_median(b, nr_b, ~draw, room));
	}
	sort_doubles(ratios, DRAWS);
	out->low = ratios[OUTSIDE];
	out->high = ratios[DRAWS - 1 - OUTSIDE];
	free(room);
}

/* At least one value on each side, none of them NAN */
struct cmp_ratio cmp_ratio(const double *a, size_t nr_a, const double *b,
			   size_t nr_b, uint64_t seed)
{
	struct cmp_ratio out = {
		.a = stat_of(a, nr_a).median, .b = stat_of(b, nr_b).median,
		.single = nr_a < 2 || nr_b < 2,
	};

	out.ratio = ratio_of(out.a, out.b);
	out.low = out.ratio;
	out.high = out.ratio;
	if (!out.single)
		bootstrap(&out, a, nr_a, b, nr_b, mix64(seed));
	return out;
}

/* Beyond the threshold, and 1 is not inside of the interval */
enum verdict cmp_judge(const struct cmp_ratio *ratio, bool more_is_better,
		       double threshold)
{
	bool up = ratio->ratio > 1 + threshold;
	bool down = ratio->ratio < 1 / (1 + threshold);

	if (!up && !down)
		return SAME;
	if (up ? ratio->low <= 1 : ratio->high >= 1)
		return UNSURE;
	return up == more_is_better ? BETTER : WORSE;
}
