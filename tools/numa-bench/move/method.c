// SPDX-License-Identifier: GPL-2.0
/* The methods of moving an area to the node of the CPU that will touch it. */
#include <errno.h>
#include <numaif.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "numa-bench.h"

#ifndef MPOL_MF_LAZY
#define MPOL_MF_LAZY	8	/* as in linux/mempolicy.h */
#endif

int bind_part(struct area *area, unsigned int part, unsigned int parts,
	      int node, unsigned int flags)
{
	size_t first = area_part_begin(area, part, parts);
	size_t nr = area_part_begin(area, part + 1, parts) - first;

	return topo_bind_memory(area->base + first * area->page_bytes,
				nr * area->page_bytes, node, flags);
}

static long call_none(struct method_args *args)
{
	return 0;
}

static int finish_move_pages(struct method_args *args)
{
	free(args->pages);
	free(args->nodes);
	free(args->status);
	args->pages = NULL;
	args->nodes = NULL;
	args->status = NULL;
	return 0;
}

static int target_of(const struct method_args *args, size_t page)
{
	const struct pairs *pairs = args->pairs;
	unsigned int part = 0;

	while (page >= area_part_begin(args->area, part + 1, pairs->nr))
		part++;
	return pairs->pair[part].to;
}

/*
 * One entry per THP if the area consists of THPs: entries for their other pages
 * would only fail. Else one entry per base page.
 */
static int prepare_move_pages(struct method_args *args)
{
	struct area *area = args->area;
	size_t step = area->unit_bytes;

	if (area->thps != area->bytes / step)
		step = area->page_bytes;
	args->nr = area->bytes / step;
	args->pages = calloc(args->nr, sizeof(*args->pages));
	args->nodes = calloc(args->nr, sizeof(*args->nodes));
	args->status = calloc(args->nr, sizeof(*args->status));
	if (!args->pages || !args->nodes || !args->status) {
		finish_move_pages(args);
		return -1;
	}
	for (size_t i = 0; i < args->nr; i++) {
		args->pages[i] = area->base + i * step;
		args->nodes[i] = target_of(args, i * step / area->page_bytes);
		args->status[i] = -1;	/* avoids faults while measuring */
	}
	return 0;
}

/* A positive result is the number of entries that were not moved. */
static long call_move_pages(struct method_args *args)
{
	return move_pages(0, args->nr, args->pages, args->nodes, args->status,
			  MPOL_MF_MOVE);
}

static long call_mbind_move(struct method_args *args)
{
	const struct pairs *pairs = args->pairs;

	for (unsigned int i = 0; i < pairs->nr; i++)
		if (bind_part(args->area, i, pairs->nr, pairs->pair[i].to,
			      MPOL_MF_MOVE))
			return -1;
	return 0;
}

/* MPOL_PREFERRED without a node means the node of the touching CPU. */
static long mbind_lazy(void *base, size_t bytes)
{
	return mbind(base, bytes, MPOL_PREFERRED, NULL, 0,
		     MPOL_MF_MOVE | MPOL_MF_LAZY);
}

static long call_mbind_lazy(struct method_args *args)
{
	return mbind_lazy(args->area->base, args->area->bytes);
}

/* mbind(2) checks its flags before the range. */
static const char *missing_lazy(void)
{
	if (!mbind_lazy(NULL, 0))
		return NULL;
	return errno == EINVAL ?
		"this kernel has no MPOL_MF_LAZY (needs CONFIG_MIGRATE_ON_FAULT)" :
		"mbind(2) with MPOL_MF_LAZY is refused here (seccomp?)";
}

/* Moves nothing: the cost of making a range fault, for comparison. */
static long call_mprotect(struct method_args *args)
{
	return mprotect(args->area->base, args->area->bytes, PROT_NONE);
}

static int finish_mprotect(struct method_args *args)
{
	return mprotect(args->area->base, args->area->bytes,
			PROT_READ | PROT_WRITE);
}

const struct method methods[NR_METHODS] = {
	[METHOD_NONE] = {
		.name = "none",
		.call = call_none,
	},
	[METHOD_MOVE_PAGES] = {
		.name = "move_pages",
		.moves = true,
		.prepare = prepare_move_pages,
		.call = call_move_pages,
		.finish = finish_move_pages,
	},
	[METHOD_MBIND_MOVE] = {
		.name = "mbind-move",
		.moves = true,
		.call = call_mbind_move,
	},
	[METHOD_MBIND_LAZY] = {
		.name = "mbind-lazy",
		.moves = true,
		.call = call_mbind_lazy,
		.missing = missing_lazy,
	},
	[METHOD_MPROTECT] = {
		.name = "mprotect",
		.call = call_mprotect,
		.finish = finish_mprotect,
	},
	[METHOD_LOCAL] = {
		.name = "local",
		.call = call_none,
	},
};
