/* SPDX-License-Identifier: GPL-2.0 */
/* model.c: caches, node map and arguments of the plugin numa-model */
#ifndef NM_MODEL_H
#define NM_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NM_MAX_CPUS	64
#define NM_MAX_NODES	16
#define NM_MAX_LABEL	80
#define NM_NOWHERE	NM_MAX_NODES	/* memory of no node */

/* Where a line was found */
enum nm_level { NM_PRIVATE, NM_SHARED, NM_MEMORY };

struct nm_shape {
	unsigned int sets;		/* a power of two */
	unsigned int ways;
};

/* The lines of each set, most recently used first */
struct nm_cache {
	struct nm_shape shape;
	uint64_t *lines;
};

struct nm_caches {
	unsigned int nr_cpus;
	unsigned int nr_nodes;
	const unsigned int *node_of;	/* by CPU */
	struct nm_cache *private;	/* by CPU */
	struct nm_cache *shared;	/* by node */
};

int nm_caches_make(struct nm_caches *caches, struct nm_shape private,
		   struct nm_shape shared);
void nm_caches_free(struct nm_caches *caches);
void nm_caches_clear(struct nm_caches *caches);
enum nm_level nm_access_slow(struct nm_caches *caches, unsigned int cpu,
			     uint64_t line, bool write);

/* An entry of a set is a tag with this flag; 0 is an empty way. */
#define NM_OWNED		1ull	/* no other cache has the line */

static inline uint64_t nm_tag(uint64_t line)
{
	return (line + 1) << 1;
}

static inline uint64_t *nm_set(const struct nm_cache *cache, uint64_t line)
{
	return cache->lines + (line & (cache->shape.sets - 1)) *
	       cache->shape.ways;
}

/* A read or write by a CPU. Most hit the most recently used line of the set. */
static inline enum nm_level nm_access(struct nm_caches *caches,
				      unsigned int cpu, uint64_t line,
				      bool write)
{
	uint64_t first = *nm_set(&caches->private[cpu], line);

	if (first == (nm_tag(line) | NM_OWNED) ||
	    (!write && first == nm_tag(line)))
		return NM_PRIVATE;
	return nm_access_slow(caches, cpu, line, write);
}

/* The arguments of the plugin */
struct nm_options {
	const char *out;
	unsigned int nr_cpus;
	unsigned int nr_nodes;
	unsigned int node_of[NM_MAX_CPUS];
	uint64_t start[NM_MAX_NODES];		/* addresses as QEMU reports */
	uint64_t end[NM_MAX_NODES];
	uint64_t start_high[NM_MAX_NODES];	/* above a hole, if any */
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

#endif /* NM_MODEL_H */
