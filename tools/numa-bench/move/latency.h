/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the workload "latency" share. */
#ifndef NB_LATENCY_H
#define NB_LATENCY_H

#include "results.h"

/* ns are those of touches that took a fault, without the clock's own cost */
struct latency_sum {
	uint64_t *sorted_ns;
	size_t nr_faulting;
	size_t faults;		/* a touch may take two */
	size_t touched_pages;
	double mean_ns;
	uint64_t p50_ns;
	uint64_t p90_ns;
	uint64_t p99_ns;
	uint64_t p999_ns;
	uint64_t max_ns;
	uint64_t hit_p50_ns;	/* of touches without a fault */
};

/* latency-sum.c: of so many samples together; to be freed */
int latency_sum(struct latency_sum *sum, const struct sample *samples, size_t nr);
void latency_sum_free(struct latency_sum *sum);

/* One value, and how often it occurs from here on in a sorted array */
size_t run_length(const uint64_t *sorted, size_t nr);

void latency_table(const struct results *res, FILE *out);
void latency_json(const struct results *res, const struct row *row,
		  struct json_object *obj);
extern const char *const latency_columns[];
void latency_csv(const struct row *row, FILE *out);

#endif /* NB_LATENCY_H */
