// SPDX-License-Identifier: GPL-2.0
/* Tables with a column for each node: memory, CPUs, distances, numastat. */
#include <numa.h>
#include <stdlib.h>
#include <string.h>

#include "info.h"
#include "json-put.h"

#define NODE_FILE	"/sys/devices/system/node/node%d/%s"

static bool is_node(int node)
{
	return numa_bitmask_isbitset(numa_nodes_ptr, node);
}

static void print_nodes_head(const char *title)
{
	printf("\n%-28s", title);
	for (int node = 0; node <= topo_max_node(); node++)
		if (is_node(node))
			printf(" %12d", node);
	putchar('\n');
}

/* The number after "Node 0 MemTotal:", in KiB; or after "numa_hit"; -1: none */
static long long field_of(int node, const char *name, const char *field)
{
	char path[64], line[128];
	long long val = -1;
	size_t len = strlen(field);
	FILE *file;

	snprintf(path, sizeof(path), NODE_FILE, node, name);
	file = fopen(path, "r");
	while (file && val < 0 && fgets(line, sizeof(line), file)) {
		char *hit = strstr(line, field);

		if (hit && (hit[len] == ':' || hit[len] == ' ') &&
		    (hit == line || hit[-1] == ' ') &&
		    sscanf(hit + len, "%*[: ]%lld", &val) != 1)
			val = -1;
	}
	if (file)
		fclose(file);
	return val;
}

static void print_field(const char *name, const char *field, int shift)
{
	printf("%-28s", field);
	for (int node = 0; node <= topo_max_node(); node++) {
		long long val = field_of(node, name, field);

		if (!is_node(node))
			continue;
		if (val < 0)
			printf(" %12s", "-");
		else
			printf(" %12lld", val >> shift);
	}
	putchar('\n');
}

static void print_cpus(int node)
{
	char path[64], line[1024];

	snprintf(path, sizeof(path), NODE_FILE, node, "cpulist");
	read_line(path, line, sizeof(line));
	printf("%-28d %s%s%s\n", node, *line ? line : "none",
	       topo_first_cpu(node) < 0 ? " (none that this process may run on)" : "",
	       topo_has_memory(node) ? "" : " (no memory that this process may use)");
}

void info_nodes(void)
{
	if (numa_available() < 0) {
		printf("\nNodes: none; get_mempolicy(2) is refused, or not there\n");
		return;
	}
	printf("\n%-28s %s\n", "Node", "CPUs");
	for (int node = 0; node <= topo_max_node(); node++)
		if (is_node(node))
			print_cpus(node);
	print_nodes_head("Distance from node, to");
	for (int node = 0; node <= topo_max_node(); node++) {
		if (!is_node(node))
			continue;
		printf("%-28d", node);
		for (int other = 0; other <= topo_max_node(); other++)
			if (is_node(other))
				printf(" %12d", numa_distance(node, other));
		putchar('\n');
	}
}

static const char *const counts[] = {
	"numa_hit", "numa_miss", "numa_foreign", "interleave_hit",
	"local_node", "other_node",
};

/* As numastat(8) and numastat -m print it */
void info_numastat(void)
{
	static const char *const fields[] = {
		"MemTotal", "MemFree", "MemUsed", "Active", "Inactive",
		"AnonPages", "AnonHugePages", "FilePages", "Shmem", "Slab",
		"HugePages_Total", "HugePages_Free",
	};

	if (numa_available() < 0)
		return;
	print_nodes_head("numastat, pages");
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		print_field("numastat", counts[i], 0);
	print_nodes_head("Memory, MiB");
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		print_field("meminfo", fields[i],
			    strncmp(fields[i], "HugePages", 9) ? 10 : 0);
}

/* {"0": {"numa_hit": ...}, ...}; empty where there is none */
struct json_object *info_numastat_json(void)
{
	struct json_object *obj = json_object_new_object();
	char key[16];

	if (numa_available() < 0)
		return obj;
	for (int node = 0; node <= topo_max_node(); node++) {
		struct json_object *one = json_object_new_object();

		for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
			long long val = field_of(node, "numastat", counts[i]);

			if (val >= 0)
				put_u64(one, counts[i], (uint64_t)val);
		}
		snprintf(key, sizeof(key), "%d", node);
		if (is_node(node))
			put(obj, key, one);
		else
			json_object_put(one);
	}
	return obj;
}
