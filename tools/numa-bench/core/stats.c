// SPDX-License-Identifier: GPL-2.0
/* Median and spread of samples, and reproducible random orders. */
#include <stdlib.h>
#include <string.h>

#include "numa-bench.h"

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void sort_doubles(double *values, size_t nr)
{
	if (nr)
		qsort(values, nr, sizeof(*values), compare_doubles);
}

/* All fields are 0 if there is no sample, or no memory to sort them. */
struct stat_sum stat_of(const double *values, size_t nr)
{
	struct stat_sum sum = { 0 };
	double *sorted = nr ? malloc(nr * sizeof(*sorted)) : NULL;

	if (!sorted)
		return sum;
	memcpy(sorted, values, nr * sizeof(*sorted));
	sort_doubles(sorted, nr);
	sum.min = sorted[0];
	sum.max = sorted[nr - 1];
	sum.median = (sorted[(nr - 1) / 2] + sorted[nr / 2]) / 2;
	if (sum.median > 0)
		sum.spread_percent = 100 * (sum.max - sum.min) / sum.median;
	free(sorted);
	return sum;
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

void sort_u64(uint64_t *values, size_t nr)
{
	if (nr)
		qsort(values, nr, sizeof(*values), compare_u64);
}

/* By nearest rank; 1000 gives the largest value. 0 if there is no value. */
uint64_t percentile_of(const uint64_t *sorted, size_t nr, unsigned int permille)
{
	size_t rank = (nr * permille + 999) / 1000;

	return nr ? sorted[rank ? rank - 1 : 0] : 0;
}

/* The finalizer of splitmix64: adjacent inputs give unrelated outputs. */
uint64_t mix64(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

void shuffle(uint32_t *order, size_t nr, uint64_t seed)
{
	for (size_t i = nr; i > 1; i--) {
		size_t other = mix64(seed + i) % i;
		uint32_t tmp = order[i - 1];

		order[i - 1] = order[other];
		order[other] = tmp;
	}
}
