// SPDX-License-Identifier: GPL-2.0
/* The rows of the table: all combinations that were asked for. */
#include <stdlib.h>

#include "results.h"

/* With what the notes on each page take */
static size_t memory_needed(const struct row *row)
{
	return row->bytes + row->bytes / 16 + (8UL << 20);
}

/* A node of a ring holds a part of its own, and gets another one. */
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
		return "there are not so many nodes with memory and CPUs";
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
	struct row *row = &res->rows[res->nr];

	*row = *proto;
	row->skipped = why_not(row, no_method);
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

/* Orders and fractions that this combination is touched in */
static int add_patterns(struct results *res, const struct row *common,
			const char *const *missing)
{
	const struct bench_opts *opts = res->opts;

	for (unsigned int t = 0; t < opts->touches.nr; t++)
		for (unsigned int f = 0; f < opts->fractions.nr; f++) {
			struct row proto = *common;

			proto.pattern = (struct pattern) {
				.kind = opts->touches.idx[t],
				.fraction = opts->fractions.val[f],
				.stride = opts->stride,
			};
			if (add_group(res, &proto, missing))
				return -1;
		}
	return 0;
}

static int add_groups(struct results *res, enum page_kind kind, size_t bytes,
		      const char *const *missing)
{
	const struct num_list *threads = &res->opts->threads;
	size_t nodes = res->opts->nodes.nr;

	for (size_t i = 0; i < nodes * threads->nr; i++) {
		struct row common = {
			.kind = kind, .bytes = bytes,
			.pairs = &res->pairs[i / threads->nr],
			.nodes = (unsigned int)res->opts->nodes.val[i / threads->nr],
			.threads = (unsigned int)threads->val[i % threads->nr],
		};

		if (add_patterns(res, &common, missing))
			return -1;
	}
	return 0;
}

/* 1 is the one pair that was chosen; a ring needs two nodes. */
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

struct results *results_new(const struct workload *workload,
			    const struct bench_opts *opts,
			    const struct topo *topo)
{
	struct results *res = calloc(1, sizeof(*res));
	const char *missing[NB_MAX_LIST];

	if (!res)
		return NULL;
	res->workload = workload;
	res->opts = opts;
	res->topo = *topo;
	res->group = group_rows(opts);
	res->rows = calloc((size_t)opts->sizes.nr * opts->page_kinds.nr *
			   opts->threads.nr * opts->nodes.nr * opts->touches.nr *
			   opts->fractions.nr * res->group,
			   sizeof(*res->rows));
	if (!res->rows || find_pairs(res))
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
	for (size_t i = 0; i < res->nr; i++) {
		for (size_t j = 0; j < res->rows[i].nr; j++)
			times_free(&res->rows[i].samples[j].times);
		free(res->rows[i].samples);
	}
	free(res->rows);
	free(res->pairs);
	free(res);
}
