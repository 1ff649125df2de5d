// SPDX-License-Identifier: GPL-2.0
/* What was counted, as JSON; README.rst has the schema. */
#include <json-c/json.h>
#include <stdio.h>

#include "model.h"

static void put(struct json_object *to, const char *name, uint64_t number)
{
	json_object_object_add(to, name, json_object_new_uint64(number));
}

static struct json_object *list(const uint64_t *numbers, size_t nr)
{
	struct json_object *found = json_object_new_array();

	for (size_t i = 0; i < nr; i++)
		json_object_array_add(found,
				      json_object_new_uint64(numbers[i]));
	return found;
}

static struct json_object *put_new(struct json_object *to, const char *name)
{
	struct json_object *found = json_object_new_object();

	json_object_object_add(to, name, found);
	return found;
}

static void put_model(const struct nm_options *opts, struct json_object *to)
{
	struct json_object *cycles = json_object_new_array();

	put(to, "line_bytes", opts->line);
	put(to, "private_bytes", opts->private[0]);
	put(to, "private_ways", opts->private[1]);
	put(to, "shared_bytes", opts->shared[0]);
	put(to, "shared_ways", opts->shared[1]);
	put(to, "shared_cycles", opts->cycles[0]);
	for (unsigned int from = 0; from < opts->nr_nodes; from++) {
		uint64_t row[NM_MAX_NODES];

		for (unsigned int i = 0; i < opts->nr_nodes; i++)
			row[i] = nm_memory_cycles(opts, from, i);
		json_object_array_add(cycles, list(row, opts->nr_nodes));
	}
	json_object_object_add(to, "memory_cycles", cycles);
	put(to, "slice_instructions", opts->slice);
}

static void put_map(const struct nm_options *opts, struct json_object *to)
{
	struct json_object *cpus = json_object_new_array();
	struct json_object *nodes = json_object_new_array();

	for (unsigned int i = 0; i < opts->nr_cpus; i++)
		json_object_array_add(cpus,
				      json_object_new_uint64(opts->node_of[i]));
	for (unsigned int i = 0; i < opts->nr_nodes; i++) {
		const uint64_t ranges[] = { opts->start[i], opts->end[i],
					    opts->start_high[i],
					    opts->end_high[i] };

		json_object_array_add(nodes, list(ranges,
						  ranges[3] ? 4 : 2));
	}
	json_object_object_add(to, "node_of_cpu", cpus);
	json_object_object_add(to, "memory_of_node", nodes);
}

/* Of one CPU: instructions have their cycle, and all waiting is added up. */
static uint64_t waiting(const struct nm_options *opts, unsigned int from,
			nm_counts counts)
{
	uint64_t sum = 0;

	for (int side = 0; side < NM_SIDES; side++)
		for (unsigned int to = 0; to < opts->nr_nodes; to++) {
			const uint64_t *column = counts[side][to];

			sum += (column[NM_PRIVATE_MISSES] -
				column[NM_SHARED_MISSES]) * opts->cycles[0] +
			       column[NM_SHARED_MISSES] *
				nm_memory_cycles(opts, from, to);
		}
	return sum;
}

static void put_side(const struct nm_options *opts, unsigned int own,
		     uint64_t counts[][NM_COLUMNS], struct json_object *to)
{
	uint64_t sums[2][NM_COLUMNS] = { { 0 } };

	for (unsigned int node = 0; node < opts->nr_nodes; node++)
		for (int column = 0; column < NM_COLUMNS; column++)
			sums[node != own][column] += counts[node][column];
	json_object_object_add(to, "local", list(sums[0], NM_COLUMNS));
	json_object_object_add(to, "remote", list(sums[1], NM_COLUMNS));
	put(to, "elsewhere", counts[NM_NOWHERE][NM_ACCESSES]);
}

static struct json_object *slice_of(const struct nm_options *opts,
				    const struct nm_slice *slice)
{
	struct json_object *found = json_object_new_object();
	struct json_object *cpus = json_object_new_array();
	uint64_t cycles = slice->instructions;

	for (unsigned int i = 0; i < opts->nr_cpus; i++) {
		struct json_object *cpu = json_object_new_object();
		unsigned int own = opts->node_of[i];

		put_side(opts, own, slice->cpus[i][NM_USER],
			 put_new(cpu, "user"));
		put_side(opts, own, slice->cpus[i][NM_KERNEL],
			 put_new(cpu, "kernel"));
		json_object_array_add(cpus, cpu);
		cycles += waiting(opts, own, slice->cpus[i]);
	}
	put(found, "instructions", slice->instructions);
	put(found, "cycles", cycles);
	json_object_object_add(found, "cpus", cpus);
	return found;
}

static struct json_object *section_of(const struct nm_options *opts,
				      const struct nm_section *section)
{
	struct json_object *found = json_object_new_object();
	struct json_object *slices = json_object_new_array();

	for (size_t i = 0; i < section->nr; i++)
		json_object_array_add(slices,
				      slice_of(opts, &section->slices[i]));
	json_object_object_add(found, "label",
			       json_object_new_string(section->label));
	put(found, "disagreed", section->disagreed);
	json_object_object_add(found, "host_seconds",
			       json_object_new_double(section->host_seconds));
	json_object_object_add(found, "slices", slices);
	return found;
}

/**
 * nm_json - write all that was counted to the file that was asked for
 * @opts: the model and the map
 * @sections: the counts
 *
 * Return: 0, or -1 if it cannot be written.
 */
int nm_json(const struct nm_options *opts, const struct nm_sections *sections)
{
	struct json_object *root = json_object_new_object();
	struct json_object *all = json_object_new_array();
	int ret;

	put(root, "version", 1);
	put_model(opts, put_new(root, "model"));
	put_map(opts, root);
	for (size_t i = 0; i < sections->nr; i++)
		json_object_array_add(all,
				      section_of(opts, &sections->all[i]));
	json_object_object_add(root, "sections", all);
	ret = json_object_to_file_ext(opts->out, root, JSON_C_TO_STRING_SPACED);
	json_object_put(root);
	return ret;
}
