// SPDX-License-Identifier: GPL-2.0
/*
 * A private cache for each CPU and a shared one for each node. Sets with true
 * LRU; a write that finds the line elsewhere, too, takes it away there.
 */
#include <stdlib.h>
#include <string.h>

#include "cache.h"

static bool same_line(uint64_t entry, uint64_t tag)
{
	return (entry & ~NM_OWNED) == tag;
}

static uint64_t *find(const struct nm_cache *cache, uint64_t line)
{
	uint64_t *set = nm_set(cache, line), tag = nm_tag(line);

	for (unsigned int i = 0; i < cache->shape.ways; i++)
		if (same_line(set[i], tag))
			return &set[i];
	return NULL;
}

/* Makes it the one used last; the one used first goes if it was not there. */
static bool use(struct nm_cache *cache, uint64_t line, uint64_t entry)
{
	uint64_t *set = nm_set(cache, line);
	uint64_t *found = find(cache, line);
	uint64_t *last = found ? found : set + cache->shape.ways - 1;

	memmove(set + 1, set, (size_t)(last - set) * sizeof(*set));
	set[0] = entry;
	return found;
}

static void forget(struct nm_cache *cache, uint64_t line)
{
	uint64_t *found = find(cache, line);
	uint64_t *last = nm_set(cache, line) + cache->shape.ways - 1;

	if (!found)
		return;
	memmove(found, found + 1, (size_t)(last - found) * sizeof(*found));
	*last = 0;
}

/* A write: no other private cache and no other node's one keeps the line. */
static void take_away(struct nm_caches *caches, unsigned int cpu, uint64_t line)
{
	for (unsigned int i = 0; i < caches->nr_cpus; i++)
		if (i != cpu)
			forget(&caches->private[i], line);
	for (unsigned int i = 0; i < caches->nr_nodes; i++)
		if (i != caches->node_of[cpu])
			forget(&caches->shared[i], line);
}

/* A read: who owned it has to ask before the next write. */
static void disown(struct nm_caches *caches, unsigned int cpu, uint64_t line)
{
	for (unsigned int i = 0; i < caches->nr_cpus; i++) {
		uint64_t *found = i == cpu ? NULL :
				  find(&caches->private[i], line);

		if (found)
			*found &= ~NM_OWNED;
	}
}

/**
 * nm_access_slow - nm_access() where the first look does not do
 * @caches: of all CPUs and nodes
 * @cpu: the one that does
 * @line: address divided by the length of a line
 * @write: whether it writes
 *
 * Return: where the line was found.
 */
enum nm_level nm_access_slow(struct nm_caches *caches, unsigned int cpu,
			     uint64_t line, bool write)
{
	struct nm_cache *private = &caches->private[cpu];
	const uint64_t *found = find(private, line);
	bool owned = found && (*found & NM_OWNED);

	if (write && !owned)
		take_away(caches, cpu, line);
	else if (!found)
		disown(caches, cpu, line);
	if (use(private, line, nm_tag(line) | (write || owned)))
		return NM_PRIVATE;
	return use(&caches->shared[caches->node_of[cpu]], line, nm_tag(line)) ?
	       NM_SHARED : NM_MEMORY;
}

static size_t bytes(struct nm_shape shape)
{
	return (size_t)shape.sets * shape.ways * sizeof(uint64_t);
}

static struct nm_cache *make(unsigned int nr, struct nm_shape shape)
{
	struct nm_cache *found = calloc(nr, sizeof(*found));

	for (unsigned int i = 0; found && i < nr; i++) {
		found[i].shape = shape;
		if (posix_memalign((void **)&found[i].lines, 64, bytes(shape)))
			return NULL;
	}
	return found;
}

/**
 * nm_caches_make - make the caches, empty ones
 * @caches: with the fields that say how many there are
 * @private: of each CPU
 * @shared: of each node
 *
 * Return: 0, or -1 if there is not enough memory.
 */
int nm_caches_make(struct nm_caches *caches, struct nm_shape private,
		   struct nm_shape shared)
{
	caches->private = make(caches->nr_cpus, private);
	caches->shared = make(caches->nr_nodes, shared);
	if (!caches->private || !caches->shared)
		return -1;
	nm_caches_clear(caches);
	return 0;
}

static void empty(struct nm_cache *all, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		memset(all[i].lines, 0, bytes(all[i].shape));
}

/**
 * nm_caches_clear - empty all caches
 * @caches: to be emptied
 */
void nm_caches_clear(struct nm_caches *caches)
{
	empty(caches->private, caches->nr_cpus);
	empty(caches->shared, caches->nr_nodes);
}

static void drop(struct nm_cache *all, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		free(all[i].lines);
	free(all);
}

/**
 * nm_caches_free - undo nm_caches_make()
 * @caches: to be freed
 */
void nm_caches_free(struct nm_caches *caches)
{
	drop(caches->private, caches->nr_cpus);
	drop(caches->shared, caches->nr_nodes);
}
