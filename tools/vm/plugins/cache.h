/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The caches of the model; README.rst says what they are and leave out. Knows
 * nothing of QEMU: what it is given are numbers of lines.
 */
#ifndef NM_CACHE_H
#define NM_CACHE_H

#include <stdbool.h>
#include <stdint.h>

enum nm_level { NM_PRIVATE, NM_SHARED, NM_MEMORY };

struct nm_shape {
	unsigned int sets;		/* a power of two */
	unsigned int ways;
};

/* Of each set, the lines from the one used last to the one used first */
struct nm_cache {
	struct nm_shape shape;
	uint64_t *lines;
};

struct nm_caches {
	unsigned int nr_cpus;
	unsigned int nr_nodes;
	const unsigned int *node_of;	/* each CPU */
	struct nm_cache *private;	/* of each CPU */
	struct nm_cache *shared;	/* of each node */
};

int nm_caches_make(struct nm_caches *caches, struct nm_shape private,
		   struct nm_shape shared);
void nm_caches_free(struct nm_caches *caches);
void nm_caches_clear(struct nm_caches *caches);
enum nm_level nm_access_slow(struct nm_caches *caches, unsigned int cpu,
			     uint64_t line, bool write);

/* As kept in a set: 0 is an empty way */
#define NM_OWNED		1ull	/* no other cache has it */

static inline uint64_t nm_tag(uint64_t line)
{
	return (line + 1) << 1;
}

static inline uint64_t *nm_set(const struct nm_cache *cache, uint64_t line)
{
	return cache->lines + (line & (cache->shape.sets - 1)) *
	       cache->shape.ways;
}

/**
 * nm_access - let a CPU read or write a line
 * @caches: of all CPUs and nodes
 * @cpu: the one that does
 * @line: address divided by the length of a line
 * @write: whether it writes
 *
 * Most accesses are to the line that was used last of its set.
 *
 * Return: where the line was found.
 */
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

#endif /* NM_CACHE_H */
