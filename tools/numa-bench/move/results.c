// SPDX-License-Identifier: GPL-2.0
/* What follows from the samples of a row, and the exit status. */
#include <stdlib.h>
#include <string.h>

#include "results.h"

static struct stat_sum stat_of_samples(const struct row *row,
				       double (*value)(const struct sample *s,
						       enum phase phase),
				       enum phase phase)
{
	double *values = calloc(row->nr + 1, sizeof(*values));
	struct stat_sum sum = { 0 };

	if (!values)
		return sum;
	for (size_t i = 0; i < row->nr; i++)
		values[i] = value(&row->samples[i], phase);
	sum = stat_of(values, row->nr);
	free(values);
	return sum;
}

/* phase NR_PHASES: call and first touch together */
static double sample_ns(const struct sample *s, enum phase phase)
{
	return phase < NR_PHASES ? (double)s->ns[phase] :
	       (double)(s->ns[PHASE_CALL] + s->ns[PHASE_FIRST]);
}

static double sample_wall_ns(const struct sample *s, enum phase phase)
{
	return (double)s->wall_ns[phase];
}

/* 1: what was touched has moved, and nothing else */
double moved_per_touched(const struct sample *s)
{
	return s->touched_pages ? (double)s->place.moved_pages /
				  (double)s->touched_pages : 0;
}

static double sample_moved(const struct sample *s, enum phase phase)
{
	(void)phase;
	return moved_per_touched(s);
}

static struct stat_sum stat_of_phase(const struct row *row, enum phase phase)
{
	return stat_of_samples(row, sample_ns, phase);
}

/* The same with another method, or NULL */
const struct row *row_peer(const struct results *res, const struct row *row,
			   int method)
{
	for (size_t i = 0; i < res->nr; i++) {
		const struct row *other = &res->rows[i];

		if (other->method == &methods[method] && other->nr &&
		    other->kind == row->kind && other->bytes == row->bytes &&
		    other->threads == row->threads &&
		    other->nodes == row->nodes &&
		    other->pattern.kind == row->pattern.kind &&
		    other->pattern.fraction == row->pattern.fraction)
			return other;
	}
	return NULL;
}

/* The cost of the loop: a touch of memory that no method has changed */
static double baseline_ns(const struct results *res, const struct row *row)
{
	const struct row *none = row_peer(res, row, METHOD_NONE);

	return stat_of_phase(none ? none : row, PHASE_SECOND).median;
}

static void add_ratios(const struct results *res, const struct row *row,
		       struct row_sum *sum)
{
	const struct row *move = row_peer(res, row, METHOD_MBIND_MOVE);
	double call, total;

	if (!move || row->method == &methods[METHOD_NONE])
		return;
	call = stat_of_phase(move, PHASE_CALL).median;
	total = stat_of_phase(move, NR_PHASES).median - sum->baseline_ns;
	if (call > 0)
		sum->call_ratio = sum->phase[PHASE_CALL].median / call;
	if (total > 0 && row->method->moves)
		sum->total_ratio = (sum->total.median - sum->baseline_ns) / total;
}

/*
 * The call is divided by the pages of the area, touches and the total by the
 * pages touched: that is what a program gets for its money.
 */
struct row_sum row_sum(const struct results *res, const struct row *row)
{
	double page_bytes = (double)base_page_bytes();
	double touched = row->nr ? (double)row->samples[0].touched_pages : 1;
	struct row_sum sum = { 0 };

	for (enum phase p = 0; p < NR_PHASES; p++) {
		sum.phase[p] = stat_of_phase(row, p);
		sum.per_page[p] = sum.phase[p].median / touched;
	}
	sum.per_page[PHASE_CALL] = sum.phase[PHASE_CALL].median /
				   ((double)row->bytes / page_bytes);
	sum.wall_per_page = stat_of_samples(row, sample_wall_ns,
					    PHASE_FIRST).median / touched;
	sum.moved_per_touched = stat_of_samples(row, sample_moved,
						NR_PHASES).median;
	sum.total = stat_of_phase(row, NR_PHASES);
	sum.baseline_ns = baseline_ns(res, row);
	sum.total_per_page = (sum.total.median - sum.baseline_ns) / touched;
	if (row->kind != PAGES_4K)
		sum.total_per_thp = sum.total_per_page *
				    (double)page_kind_bytes(row->kind) /
				    page_bytes;
	add_ratios(res, row, &sum);
	return sum;
}

static int check_row(const struct row *row)
{
	int bad = 0;

	for (size_t i = 0; i < row->nr; i++) {
		const struct sample *s = &row->samples[i];

		if (s->mismatched_pages)
			fprintf(stderr,
				"numa-bench: %s, %s pages, sample %zu: %zu pages differ from what was written; this kernel loses data, keep its log\n",
				row->method->name, page_kind_names[row->kind],
				i + 1, s->mismatched_pages);
		if (s->call_errno)
			fprintf(stderr,
				"numa-bench: %s, %s pages, sample %zu: the call failed: %s\n",
				row->method->name, page_kind_names[row->kind],
				i + 1, strerror(s->call_errno));
		bad |= s->mismatched_pages || s->call_errno;
	}
	return bad;
}

int results_status(const struct results *res)
{
	size_t samples = 0;
	int bad = 0;

	for (size_t i = 0; i < res->nr; i++) {
		samples += res->rows[i].nr;
		bad |= check_row(&res->rows[i]);
	}
	if (bad)
		return NB_CHECK_FAILED;
	if (res->interrupted)
		return NB_INTERRUPTED;
	if (!samples) {
		fprintf(stderr, "numa-bench: nothing could be measured; the table says why\n");
		return NB_SKIP;
	}
	return NB_OK;
}
