// SPDX-License-Identifier: GPL-2.0
/* The rows of the table, what follows from their samples, the exit status. */
#include <stdlib.h>
#include <string.h>

#include "results.h"

static size_t unit_bytes(enum page_kind kind)
{
	return kind == PAGES_THP ? thp_bytes() : base_page_bytes();
}

static const char *why_not(const struct row *row, const struct topo *topo,
			   const char *no_method)
{
	size_t need = row->bytes + row->bytes / 16 + (8UL << 20);

	if (no_method)
		return no_method;
	if (row->kind == PAGES_THP && !thp_bytes())
		return "no transparent huge pages here (see transparent_hugepage/enabled)";
	if (topo_available_bytes(topo->from) < need ||
	    topo_available_bytes(topo->to) < need)
		return "a node has too little free memory; use a smaller --size";
	if (row->threads > row->bytes / unit_bytes(row->kind))
		return "more threads than pages";
	return NULL;
}

static int add_row(struct results *res, const struct row *proto,
		   const char *no_method)
{
	struct row *row = &res->rows[res->nr];

	*row = *proto;
	row->skipped = why_not(row, &res->topo, no_method);
	row->samples = calloc(res->opts->repeat, sizeof(*row->samples));
	if (!row->samples)
		return -1;
	res->nr++;
	return 0;
}

/* Only this method knows windows: it gets a row for each. */
static bool has_windows(unsigned int method)
{
	return method == METHOD_MBIND_LAZY;
}

static int add_windows(struct results *res, const struct row *common,
		       const char *no_method)
{
	const struct num_list *list = &res->opts->windows;

	for (unsigned int i = 0; i < list->nr; i++) {
		struct row proto = *common;

		proto.window = list->val[i];
		if (proto.window == WINDOW_DEFAULT)
			proto.window = window_get();
		else if (!no_method && window_get() == WINDOW_NONE)
			no_method = "this kernel has no vm.mof_window_pages; leave out --window";
		if (add_row(res, &proto, no_method))
			return -1;
	}
	return 0;
}

/* Rows that differ in method and window only are neighbours: a group. */
static int add_group(struct results *res, const struct row *common,
		     const char *const *missing)
{
	const struct name_list *list = &res->opts->methods;

	for (unsigned int i = 0; i < list->nr; i++) {
		struct row proto = *common;

		proto.method = &methods[list->idx[i]];
		proto.window = WINDOW_NONE;
		if (has_windows(list->idx[i]) ?
		    add_windows(res, &proto, missing[i]) :
		    add_row(res, &proto, missing[i]))
			return -1;
	}
	return 0;
}

static size_t group_rows(const struct bench_opts *opts)
{
	size_t rows = opts->methods.nr;

	for (unsigned int i = 0; i < opts->methods.nr; i++)
		if (has_windows(opts->methods.idx[i]))
			rows += opts->windows.nr - 1;
	return rows;
}

static void find_missing(const struct name_list *list, const char **missing)
{
	for (unsigned int i = 0; i < list->nr; i++) {
		const struct method *method = &methods[list->idx[i]];

		missing[i] = method->missing ? method->missing() : NULL;
		if (missing[i])
			fprintf(stderr, "numa-bench: %s left out: %s\n",
				method->name, missing[i]);
	}
}

static int add_groups(struct results *res, enum page_kind kind, size_t bytes,
		      const char *const *missing)
{
	const struct num_list *threads = &res->opts->threads;

	for (unsigned int i = 0; i < threads->nr; i++) {
		struct row common = {
			.kind = kind, .bytes = bytes,
			.threads = (unsigned int)threads->val[i],
		};

		if (add_group(res, &common, missing))
			return -1;
	}
	return 0;
}

struct results *results_new(const struct bench_opts *opts,
			    const struct topo *topo)
{
	struct results *res = calloc(1, sizeof(*res));
	const char *missing[NB_MAX_LIST];

	if (!res)
		return NULL;
	res->opts = opts;
	res->topo = *topo;
	res->group = group_rows(opts);
	res->rows = calloc((size_t)opts->sizes.nr * opts->page_kinds.nr *
			   opts->threads.nr * res->group, sizeof(*res->rows));
	if (!res->rows)
		goto fail;
	find_missing(&opts->methods, missing);
	for (unsigned int k = 0; k < opts->page_kinds.nr; k++)
		for (unsigned int s = 0; s < opts->sizes.nr; s++)
			if (add_groups(res, opts->page_kinds.idx[k],
				       opts->sizes.bytes[s], missing))
				goto fail;
	return res;
fail:
	results_free(res);
	return NULL;
}

void results_free(struct results *res)
{
	for (size_t i = 0; i < res->nr; i++)
		free(res->rows[i].samples);
	free(res->rows);
	free(res);
}

/* phase NR_PHASES: call and first touch together */
static struct stat_sum stat_of_phase(const struct row *row, enum phase phase)
{
	double *values = calloc(row->nr + 1, sizeof(*values));
	struct stat_sum sum = { 0 };

	if (!values)
		return sum;
	for (size_t i = 0; i < row->nr; i++) {
		const uint64_t *ns = row->samples[i].ns;

		values[i] = phase < NR_PHASES ? (double)ns[phase] :
			    (double)(ns[PHASE_CALL] + ns[PHASE_FIRST]);
	}
	sum = stat_of(values, row->nr);
	free(values);
	return sum;
}

static double wall_of_touch(const struct row *row)
{
	double *values = calloc(row->nr + 1, sizeof(*values));
	double median;

	if (!values)
		return 0;
	for (size_t i = 0; i < row->nr; i++)
		values[i] = (double)row->samples[i].wall_ns[PHASE_FIRST];
	median = stat_of(values, row->nr).median;
	free(values);
	return median;
}

static const struct row *peer(const struct results *res, const struct row *row,
			      int method)
{
	for (size_t i = 0; i < res->nr; i++) {
		const struct row *other = &res->rows[i];

		if (other->method == &methods[method] && other->nr &&
		    other->kind == row->kind && other->bytes == row->bytes &&
		    other->threads == row->threads)
			return other;
	}
	return NULL;
}

/* The cost of the loop: a touch of memory that no method has changed */
static double baseline_ns(const struct results *res, const struct row *row)
{
	const struct row *none = peer(res, row, METHOD_NONE);

	return stat_of_phase(none ? none : row, PHASE_SECOND).median;
}

static void add_ratios(const struct results *res, const struct row *row,
		       struct row_sum *sum)
{
	const struct row *move = peer(res, row, METHOD_MBIND_MOVE);
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
	sum.wall_per_page = wall_of_touch(row) / touched;
	sum.total = stat_of_phase(row, NR_PHASES);
	sum.baseline_ns = baseline_ns(res, row);
	sum.total_per_page = (sum.total.median - sum.baseline_ns) / touched;
	if (row->kind == PAGES_THP)
		sum.total_per_thp = sum.total_per_page * (double)thp_bytes() /
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
