// SPDX-License-Identifier: GPL-2.0
/* What follows from the single touches of one sample, or of several. */
#include <stdlib.h>
#include <string.h>

#include "latency.h"

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

/* The median of all touches without a fault, sorted into the given array */
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
