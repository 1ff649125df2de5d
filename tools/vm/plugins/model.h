/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the plugin share; one block per file. */
#ifndef NM_MODEL_H
#define NM_MODEL_H

#include <stddef.h>

#include "cache.h"

#define NM_MAX_CPUS	64
#define NM_MAX_NODES	16
#define NM_MAX_LABEL	80
#define NM_NOWHERE	NM_MAX_NODES	/* memory of no node */

/* options.c: what the runner has told */
struct nm_options {
	const char *out;
	unsigned int nr_cpus;
	unsigned int nr_nodes;
	unsigned int node_of[NM_MAX_CPUS];
	uint64_t start[NM_MAX_NODES];		/* addresses as QEMU tells */
	uint64_t end[NM_MAX_NODES];
	uint64_t start_high[NM_MAX_NODES];	/* beyond a hole, if any */
	uint64_t end_high[NM_MAX_NODES];
	uint64_t line;				/* bytes */
	uint64_t private[2];			/* bytes, ways */
	uint64_t shared[2];
	uint64_t cycles[3];			/* shared cache; local; remote */
	uint64_t dist[NM_MAX_NODES * NM_MAX_NODES];
	uint64_t slice;				/* instructions */
	uint64_t check;
	uint64_t off;
};

int nm_options_parse(struct nm_options *opts, int argc, char **argv);
unsigned int nm_node_at(const struct nm_options *opts, uint64_t address);
uint64_t nm_memory_cycles(const struct nm_options *opts, unsigned int from,
			  unsigned int to);
struct nm_shape nm_shape_of(const struct nm_options *opts,
			    const uint64_t cache[2]);

/* sections.c: what is counted, from mark to mark */
enum nm_side { NM_USER, NM_KERNEL, NM_SIDES };
enum nm_column { NM_ACCESSES, NM_PRIVATE_MISSES, NM_SHARED_MISSES, NM_COLUMNS };

/* By memory node; the last one for memory of no node */
typedef uint64_t nm_counts[NM_SIDES][NM_MAX_NODES + 1][NM_COLUMNS];

struct nm_slice {
	uint64_t instructions;
	nm_counts *cpus;
};

struct nm_section {
	char label[NM_MAX_LABEL];
	struct nm_slice *slices;
	size_t nr;
	uint64_t disagreed;	/* with QEMU, where that was checked */
	double host_seconds;
};

struct nm_sections {
	struct nm_section *all;
	size_t nr;
};

struct nm_section *nm_section_begin(struct nm_sections *sections,
				    const char *label);
struct nm_slice *nm_slice_begin(struct nm_section *section,
				unsigned int nr_cpus);

/* json.c */
int nm_json(const struct nm_options *opts, const struct nm_sections *sections);

#endif /* NM_MODEL_H */
