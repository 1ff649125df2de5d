// SPDX-License-Identifier: GPL-2.0
/* The plugin's arguments, NAME=NUMBER:NUMBER...; and what follows from them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

#define LOCAL_DISTANCE		10	/* of SLIT: of a node to itself */
#define REMOTE_DISTANCE		21	/* that the remote latency is for */

struct option {
	const char *name;
	uint64_t *values;
	size_t min, max;
	size_t *nr;		/* how many there were; or NULL */
};

/* Numbers between colons; 0, or -1 for anything else */
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

/* Lists as long as there are CPUs or nodes */
struct lists {
	uint64_t cpus[NM_MAX_CPUS];
	size_t nr_cpus, nr_start, nr_end, nr_high[2], nr_dist;
};

static const char *bad_lists(const struct lists *lists)
{
	size_t nodes = lists->nr_start;

	if (!lists->nr_cpus || !nodes)
		return "say cpus=NODE:... and start=, end=ADDRESS:...";
	if (lists->nr_end != nodes || lists->nr_dist != nodes * nodes)
		return "start, end and dist are not of as many nodes";
	if (lists->nr_high[0] != lists->nr_high[1] ||
	    lists->nr_high[0] % nodes)
		return "start_high and end_high are not of all nodes";
	return NULL;
}

static const char *problem(const struct nm_options *opts)
{
	if (!opts->out)
		return "say out=FILE";
	for (unsigned int i = 0; i < opts->nr_cpus; i++)
		if (opts->node_of[i] >= opts->nr_nodes)
			return "a CPU is of a node that there is not";
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

/**
 * nm_options_parse - take the plugin's arguments
 * @opts: to be filled; out points into @argv
 * @argc: how many
 * @argv: as QEMU hands them over
 *
 * Return: 0, or -1 after saying on stderr what is wrong.
 */
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

/**
 * nm_node_at - whose memory an address is
 * @opts: with the ranges of all nodes
 * @address: as QEMU tells it to plugins
 *
 * Return: the node, or NM_NOWHERE.
 */
unsigned int nm_node_at(const struct nm_options *opts, uint64_t address)
{
	for (unsigned int i = 0; i < opts->nr_nodes; i++)
		if ((address >= opts->start[i] && address < opts->end[i]) ||
		    (address >= opts->start_high[i] &&
		     address < opts->end_high[i]))
			return i;
	return NM_NOWHERE;
}

/**
 * nm_memory_cycles - the latency of memory
 * @opts: with distances, and latencies for 10 and 21
 * @from: node of the CPU
 * @to: node of the memory
 *
 * Return: cycles, on a line through the two latencies.
 */
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

/**
 * nm_shape_of - sets and ways of a cache
 * @opts: with the length of a line
 * @cache: its bytes and ways
 *
 * Return: its shape.
 */
struct nm_shape nm_shape_of(const struct nm_options *opts,
			    const uint64_t cache[2])
{
	return (struct nm_shape) {
		.sets = (unsigned int)(cache[0] / opts->line / cache[1]),
		.ways = (unsigned int)cache[1],
	};
}
