// SPDX-License-Identifier: GPL-2.0
/* Takes all samples, in an order that is fair to all methods. */
#include <stdlib.h>

#include "results.h"

#define WARM_UP_BYTES	(4UL << 20)

/* A run that fills caches and per-CPU lists; only its contents count. */
static int warm_up(const struct results *res, const struct row *row)
{
	struct row small = *row;
	struct sample *sample = malloc(sizeof(*sample));
	size_t bad;
	int ret;

	if (!sample)
		return -1;
	if (small.bytes > WARM_UP_BYTES)
		small.bytes = WARM_UP_BYTES;
	ret = sample_take(res, &small, sample, res->opts->seed);
	bad = sample->mismatched_pages;
	if (!ret)
		times_free(&sample->times);
	free(sample);
	if (!ret && bad) {
		fprintf(stderr,
			"numa-bench: %s: %zu pages differ from what was written, in the warm-up\n",
			row->method->name, bad);
		return -1;
	}
	return ret;
}

static uint64_t sample_seed(const struct results *res, uint64_t repeat)
{
	return mix64(res->opts->seed) + (repeat << 32);
}

/*
 * Repeats are the outer loop and methods the inner one, so that a drift of the
 * machine does not favour a method.
 */
static int run_group(struct results *res, struct row *rows, size_t nr,
		     size_t all)
{
	uint64_t repeats = res->opts->repeat;

	for (uint64_t n = 0; n < res->opts->warm_ups; n++)
		for (size_t i = 0; i < nr; i++) {
			if (interrupted())
				return 0;
			if (!rows[i].skipped && warm_up(res, &rows[i]))
				return -1;
		}
	for (uint64_t n = 0; n < repeats; n++)
		for (size_t i = 0; i < nr; i++) {
			struct row *row = &rows[i];

			if (row->skipped)
				continue;
			if (interrupted())
				return 0;
			progress_show(row, (row - res->rows) * repeats + n, all);
			if (sample_take(res, row, &row->samples[row->nr],
					sample_seed(res, n)))
				return -1;
			row->nr++;
		}
	return 0;
}

int rounds_run(struct results *res)
{
	size_t group = res->group;
	int ret = 0;

	for (size_t i = 0; i < res->nr && !ret && !interrupted(); i += group)
		ret = run_group(res, res->rows + i, group,
				res->nr * res->opts->repeat);
	knobs_restore();
	progress_clear();
	res->interrupted = interrupted();
	return ret;
}
