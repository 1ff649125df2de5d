// SPDX-License-Identifier: GPL-2.0
/*
 * The model, without QEMU: caches, the node map and the arguments of the plugin.
 *
 * Each CPU has a private cache and each node a shared one: set associative with
 * true LRU. A write invalidates the line in the other caches.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

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

/* Makes a line the most recently used; if it is new, evicts the least recent. */
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

/* A write invalidates other private caches and shared caches of other nodes. */
static void invalidate(struct nm_caches *caches, unsigned int cpu, uint64_t line)
{
	for (unsigned int i = 0; i < caches->nr_cpus; i++)
		if (i != cpu)
			forget(&caches->private[i], line);
	for (unsigned int i = 0; i < caches->nr_nodes; i++)
		if (i != caches->node_of[cpu])
			forget(&caches->shared[i], line);
}

/* After a read by another CPU, an owner has to invalidate again to write. */
static void disown(struct nm_caches *caches, unsigned int cpu, uint64_t line)
{
	for (unsigned int i = 0; i < caches->nr_cpus; i++) {
		uint64_t *found = i == cpu ? NULL :
				  find(&caches->private[i], line);

		if (found)
			*found &= ~NM_OWNED;
	}
}

enum nm_level nm_access_slow(struct nm_caches *caches, unsigned int cpu,
			     uint64_t line, bool write)
{
	struct nm_cache *private = &caches->private[cpu];
	const uint64_t *found = find(private, line);
	bool owned = found && (*found & NM_OWNED);

	if (write && !owned)
		invalidate(caches, cpu, line);
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

/* Allocates caches; the numbers of CPUs and nodes are set already. */
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

void nm_caches_free(struct nm_caches *caches)
{
	drop(caches->private, caches->nr_cpus);
	drop(caches->shared, caches->nr_nodes);
}

#define LOCAL_DISTANCE		10	/* SLIT: a node to itself */
#define REMOTE_DISTANCE		21	/* of the remote latency */

struct option {
	const char *name;
	uint64_t *values;
	size_t min, max;
	size_t *nr;		/* number of values given, or NULL */
};

/* Parses numbers separated by colons. */
static int numbers(const char *text, const struct option *option)
{
	size_t nr = 0;
	char *end;

	do {
		errno = 0;
		if (nr == option->max || *text < '0' || *text > '9')
			return -1;
		option->values[nr++] = strtoull(text, &end, 0);
		text = end + 1;
	} while (*end == ':' && !errno);
	if (option->nr)
		*option->nr = nr;
	return *end || errno || nr < option->min ? -1 : 0;
}

static int parse_one(char *arg, const struct option *options, size_t nr)
{
	char *value = strchr(arg, '=');

	for (size_t i = 0; value && i < nr; i++)
		if (strlen(options[i].name) == (size_t)(value - arg) &&
		    !strncmp(arg, options[i].name, (size_t)(value - arg)))
			return numbers(value + 1, &options[i]);
	return -1;
}

static bool power_of_two(uint64_t number)
{
	return number && !(number & (number - 1));
}

static bool bad_cache(const struct nm_options *opts, const uint64_t cache[2])
{
	uint64_t lines = opts->line ? cache[0] / opts->line : 0;

	return !cache[1] || lines % cache[1] || lines / cache[1] > 1u << 24 ||
	       !power_of_two(lines / cache[1]);
}

/* Lengths of the lists */
struct lists {
	uint64_t cpus[NM_MAX_CPUS];
	size_t nr_cpus, nr_start, nr_end, nr_high[2], nr_dist;
};

static const char *bad_lists(const struct lists *lists)
{
	size_t nodes = lists->nr_start;

	if (!lists->nr_cpus || !nodes)
		return "cpus=NODE:..., start= and end=ADDRESS:... are needed";
	if (lists->nr_end != nodes || lists->nr_dist != nodes * nodes)
		return "start, end and dist differ in the number of nodes";
	if (lists->nr_high[0] != lists->nr_high[1] ||
	    lists->nr_high[0] % nodes)
		return "start_high and end_high need an address for each node";
	return NULL;
}

static const char *problem(const struct nm_options *opts)
{
	if (!opts->out)
		return "out=FILE is needed";
	for (unsigned int i = 0; i < opts->nr_cpus; i++)
		if (opts->node_of[i] >= opts->nr_nodes)
			return "a CPU has a node that does not exist";
	if (!power_of_two(opts->line) || opts->line > 4096)
		return "a line has to be a power of two, up to 4096";
	if (bad_cache(opts, opts->private) || bad_cache(opts, opts->shared))
		return "lines divided by ways have to be a power of two, up to 2^24";
	return opts->slice ? NULL : "a slice needs an instruction";
}

static int parse_all(struct nm_options *opts, struct lists *lists, int argc,
		     char **argv)
{
	const size_t nodes = NM_MAX_NODES;
	const struct option options[] = {
		{ "cpus", lists->cpus, 1, NM_MAX_CPUS, &lists->nr_cpus },
		{ "start", opts->start, 1, nodes, &lists->nr_start },
		{ "end", opts->end, 1, nodes, &lists->nr_end },
		{ "start_high", opts->start_high, 1, nodes, &lists->nr_high[0] },
		{ "end_high", opts->end_high, 1, nodes, &lists->nr_high[1] },
		{ "dist", opts->dist, 1, nodes * nodes, &lists->nr_dist },
		{ "line", &opts->line, 1, 1, NULL },
		{ "private", opts->private, 2, 2, NULL },
		{ "shared", opts->shared, 2, 2, NULL },
		{ "cycles", opts->cycles, 3, 3, NULL },
		{ "slice", &opts->slice, 1, 1, NULL },
		{ "check", &opts->check, 1, 1, NULL },
		{ "off", &opts->off, 1, 1, NULL },
	};

	for (int i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "out=", 4)) {
			opts->out = argv[i] + 4;
			continue;
		}
		if (parse_one(argv[i], options,
			      sizeof(options) / sizeof(*options))) {
			fprintf(stderr, "numa-model: bad argument %s\n", argv[i]);
			return -1;
		}
	}
	return 0;
}

/* Returns 0, or -1 after a message. opts->out points into argv. */
int nm_options_parse(struct nm_options *opts, int argc, char **argv)
{
	struct lists lists = { 0 };
	const char *text;

	*opts = (struct nm_options) {
		.line = 64, .private = { 1 << 20, 16 },
		.shared = { 8 << 20, 16 }, .cycles = { 55, 202, 351 },
		.slice = 100000000,
	};
	if (parse_all(opts, &lists, argc, argv))
		return -1;
	opts->nr_nodes = (unsigned int)lists.nr_start;
	opts->nr_cpus = (unsigned int)lists.nr_cpus;
	for (size_t i = 0; i < lists.nr_cpus; i++)
		opts->node_of[i] = (unsigned int)lists.cpus[i];
	text = bad_lists(&lists);
	if (!text)
		text = problem(opts);
	if (text)
		fprintf(stderr, "numa-model: %s\n", text);
	return text ? -1 : 0;
}

/* The node of an address as QEMU reports it, or NM_NOWHERE */
unsigned int nm_node_at(const struct nm_options *opts, uint64_t address)
{
	for (unsigned int i = 0; i < opts->nr_nodes; i++)
		if ((address >= opts->start[i] && address < opts->end[i]) ||
		    (address >= opts->start_high[i] &&
		     address < opts->end_high[i]))
			return i;
	return NM_NOWHERE;
}

/* Linear in the distance, through the latencies at 10 and 21 */
uint64_t nm_memory_cycles(const struct nm_options *opts, unsigned int from,
			  unsigned int to)
{
	int64_t local = (int64_t)opts->cycles[1];
	int64_t more = (int64_t)opts->cycles[2] - local;
	int64_t far = (int64_t)opts->dist[from * opts->nr_nodes + to] -
		      LOCAL_DISTANCE;

	return (uint64_t)(local + more * far /
			  (REMOTE_DISTANCE - LOCAL_DISTANCE));
}

struct nm_shape nm_shape_of(const struct nm_options *opts,
			    const uint64_t cache[2])
{
	return (struct nm_shape) {
		.sets = (unsigned int)(cache[0] / opts->line / cache[1]),
		.ways = (unsigned int)cache[1],
	};
}
