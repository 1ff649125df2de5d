// SPDX-License-Identifier: GPL-2.0
/*
 * A workload from options to exit status: the rows of its table, which are all
 * combinations of its options; their samples, in an order that is fair to all
 * methods; the results.
 */
#include <stdlib.h>

#include "results.h"

/* With memory for bookkeeping per page */
static size_t memory_needed(const struct row *row)
{
	return row->bytes + row->bytes / 16 + (8UL << 20);
}

/* A node of a ring holds one part, and receives another one. */
static bool memory_lacks(const struct row *row)
{
	const struct pairs *pairs = row->pairs;
	size_t need = memory_needed(row);

	if (pairs->nr > 1)
		need = need / pairs->nr * 2;
	for (unsigned int i = 0; i < pairs->nr; i++)
		if (topo_available_bytes(pairs->pair[i].from) < need ||
		    topo_available_bytes(pairs->pair[i].to) < need)
			return true;
	return false;
}

static const char *why_not(const struct row *row, const char *no_method)
{
	const char *no_pages = page_kind_missing(row->kind), *no_memory;

	if (no_method || no_pages)
		return no_method ? no_method : no_pages;
	if (!row->pairs->nr)
		return "too few nodes have memory and CPUs";
	if (memory_lacks(row))
		return "a node has too little free memory; use a smaller --size";
	no_memory = memory_missing(memory_needed(row));
	if (no_memory)
		return no_memory;
	if (row->threads * row->pairs->nr > row->bytes / page_kind_bytes(row->kind))
		return "more threads than pages";
	return NULL;
}

static int add_row(struct results *res, const struct row *proto,
		   const char *no_method)
{
	struct row *row = &res->rows[res->nr++];

	*row = *proto;
	row->skipped = why_not(row, no_method);
	row->samples = calloc(res->opts->repeat, sizeof(*row->samples));
	return row->samples ? 0 : -1;
}

/* A method with windows has a row for each of them. */
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

/* Rows that differ in method and window only are adjacent: a group. */
static int add_group(struct results *res, const struct row *common,
		     const char *const *missing)
{
	const struct name_list *list = &res->opts->methods;

	for (unsigned int i = 0; i < list->nr; i++) {
		struct row proto = *common;

		proto.method = &methods[list->idx[i]];
		proto.window = WINDOW_NONE;
		if (list->idx[i] == METHOD_LOCAL)
			proto.pairs = &res->local;
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

/* Takes the last digit of a number, for the index of a list of @base options. */
static size_t last_digit(size_t *number, unsigned int base)
{
	size_t digit = *number % base;

	*number /= base;
	return digit;
}

/* Groups are numbered by their options, the last of which varies fastest. */
static int add_group_nr(struct results *res, size_t nr,
			const char *const *missing)
{
	const struct bench_opts *opts = res->opts;
	struct row row = { .pattern.stride = opts->stride };
	size_t idx;

	idx = last_digit(&nr, opts->fractions.nr);
	row.pattern.fraction = opts->fractions.val[idx];
	idx = last_digit(&nr, opts->touches.nr);
	row.pattern.kind = opts->touches.idx[idx];
	idx = last_digit(&nr, opts->threads.nr);
	row.threads = (unsigned int)opts->threads.val[idx];
	idx = last_digit(&nr, opts->nodes.nr);
	row.nodes = (unsigned int)opts->nodes.val[idx];
	row.pairs = &res->pairs[idx];
	row.bytes = opts->sizes.bytes[last_digit(&nr, opts->sizes.nr)];
	row.kind = opts->page_kinds.idx[nr];
	return add_group(res, &row, missing);
}

/* One node means the chosen pair of nodes; more nodes form a ring. */
static int find_pairs(struct results *res)
{
	const struct num_list *nodes = &res->opts->nodes;

	res->local.nr = 1;
	res->local.pair[0] = (struct topo) {
		.from = res->topo.to, .to = res->topo.to,
		.write_cpu = res->topo.touch_cpu, .touch_cpu = res->topo.touch_cpu,
	};
	res->pairs = calloc(nodes->nr, sizeof(*res->pairs));
	if (!res->pairs)
		return -1;
	for (unsigned int i = 0; i < nodes->nr; i++) {
		if (nodes->val[i] > 1) {
			topo_ring(&res->pairs[i], (unsigned int)nodes->val[i]);
		} else {
			res->pairs[i].pair[0] = res->topo;
			res->pairs[i].nr = 1;
		}
	}
	return 0;
}

static void results_free(struct results *res)
{
	for (size_t i = 0; i < res->nr; i++) {
		for (size_t j = 0; j < res->rows[i].nr; j++)
			times_free(&res->rows[i].samples[j].times);
		free(res->rows[i].samples);
	}
	free(res->rows);
	free(res->pairs);
	free(res);
}

static struct results *results_new(const struct workload *workload,
				   const struct bench_opts *opts,
				   const struct topo *topo)
{
	struct results *res = calloc(1, sizeof(*res));
	const char *missing[NB_MAX_LIST];
	size_t groups;

	if (!res)
		return NULL;
	res->workload = workload;
	res->opts = opts;
	res->topo = *topo;
	res->group = group_rows(opts);
	groups = (size_t)opts->sizes.nr * opts->page_kinds.nr *
		 opts->threads.nr * opts->nodes.nr * opts->touches.nr *
		 opts->fractions.nr;
	res->rows = calloc(groups * res->group, sizeof(*res->rows));
	if (!res->rows || find_pairs(res))
		goto fail;
	find_missing(&opts->methods, missing);
	for (size_t i = 0; i < groups; i++)
		if (add_group_nr(res, i, missing))
			goto fail;
	return res;
fail:
	results_free(res);
	return NULL;
}

#define WARM_UP_BYTES	(4UL << 20)

/* Fills caches and per-CPU lists. Only the contents are checked. */
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

/*
 * Repeats are the outer loop and methods the inner one, so that drift of the
 * machine affects all methods equally.
 */
static int run_group(struct results *res, struct row *rows, size_t nr,
		     size_t all)
{
	uint64_t repeats = res->opts->repeat;
	char size[32];

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
			progress_show((row - res->rows) * repeats + n + 1, all,
				      row->method->name, row->kind,
				      format_size(row->bytes, size, sizeof(size)));
			if (sample_take(res, row, &row->samples[row->nr],
					mix64(res->opts->seed) + (n << 32)))
				return -1;
			row->nr++;
		}
	return 0;
}

/* The table comes last, since a closed pipe kills this process. */
static int write_results(const struct results *res)
{
	const struct bench_opts *opts = res->opts;
	int ret = 0;

	if (opts->out.json_path)
		ret |= json_write(res, opts->out.json_path);
	if (opts->out.csv_path)
		ret |= csv_write(res, opts->out.csv_path);
	if (outputs_stdout(&opts->out))
		return ret;
	res->workload->table(res, stdout);
	return ret | output_flush();
}

int bench_run(const struct workload *workload, const struct bench_opts *opts)
{
	struct results *res;
	struct topo topo;
	int ret = counters_init() ? NB_SKIP : calls_check();

	if (!ret)
		ret = topo_choose(&topo, opts->from, opts->to);
	if (!ret && sets_windows(opts))
		ret = window_setup();
	if (!ret && outputs_check(&opts->out))
		ret = NB_CHECK_FAILED;
	if (ret)
		return ret;
	res = results_new(workload, opts, &topo);
	if (!res) {
		fprintf(stderr,
			"numa-bench: not enough memory for the samples; use shorter lists or a smaller --repeat\n");
		return NB_SKIP;
	}
	if (opts->perf)
		perf_setup();
	interrupt_setup(NULL);
	for (size_t i = 0; i < res->nr && !ret && !interrupted(); i += res->group)
		ret = run_group(res, res->rows + i, res->group,
				res->nr * opts->repeat);
	knobs_restore();
	progress_clear();
	res->interrupted = interrupted();
	if (write_results(res))
		ret = -1;
	ret = ret ? NB_CHECK_FAILED : results_status(res);
	results_free(res);
	return ret;
}
