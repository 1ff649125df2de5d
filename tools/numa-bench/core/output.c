// SPDX-License-Identifier: GPL-2.0
/*
 * Files of results. A path that cannot be written is reported before measuring.
 * JSON begins with all that results of any command depend on.
 */
#include <argp.h>
#include <numa.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "json-put.h"
#include "numa-bench.h"

static int cannot_write(const char *path, const char *option)
{
	fprintf(stderr, "numa-bench: cannot write %s: %m; choose another %s\n",
		path, option);
	return -1;
}

/* Keeps the contents of an existing file, in case nothing can be measured. */
static int check(const char *path, const char *option)
{
	FILE *out;

	if (!path || !strcmp(path, "-"))
		return 0;
	out = fopen(path, "a");
	if (!out)
		return cannot_write(path, option);
	fclose(out);
	return 0;
}

int outputs_check(const struct outputs *outputs)
{
	return check(outputs->json_path, "--json") ||
	       check(outputs->csv_path, "--csv") ? -1 : 0;
}

/* The default of --unit */
bool counts_instructions(void)
{
	const char *icount = getenv("NUMA_BENCH_ICOUNT");

	return icount && !strcmp(icount, "1");
}

int outputs_parse(int key, char *arg, struct outputs *outputs,
		  struct argp_state *state)
{
	switch (key) {
	case KEY_JSON:
		outputs->json_path = arg;
		return 0;
	case KEY_CSV:
		outputs->csv_path = arg;
		return 0;
	case KEY_UNIT:
		outputs->instructions = !strcmp(arg, "instructions");
		if (!outputs->instructions && strcmp(arg, "ns"))
			argp_error(state, "bad unit '%s'", arg);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* No table is printed in that case. */
bool outputs_stdout(const struct outputs *outputs)
{
	return (outputs->json_path && !strcmp(outputs->json_path, "-")) ||
	       (outputs->csv_path && !strcmp(outputs->csv_path, "-"));
}

/* "-" is stdout. NULL after an error message */
FILE *output_open(const char *path, const char *option)
{
	FILE *out = strcmp(path, "-") ? fopen(path, "w") : stdout;

	if (!out)
		cannot_write(path, option);
	return out;
}

/* Reports errors of all earlier writes, too. */
int output_close(FILE *out, const char *path, const char *option)
{
	int bad = ferror(out);

	if (out == stdout ? fflush(out) : fclose(out))
		bad = 1;
	return bad ? cannot_write(path, option) : 0;
}

int output_flush(void)
{
	return fflush(stdout) || ferror(stdout) ?
		cannot_write("the table to standard output",
			     "file or add --json FILE") : 0;
}

static struct json_object *json_kernel(void)
{
	struct json_object *obj = json_object_new_object();
	struct utsname uts;
	char line[4096];

	uname(&uts);
	put_str(obj, "release", uts.release);
	put_str(obj, "version", uts.version);
	put_str(obj, "machine", uts.machine);
	put_str(obj, "command_line",
		read_line("/proc/cmdline", line, sizeof(line)));
	return obj;
}

static struct json_object *json_settings(void)
{
	struct json_object *obj = json_object_new_object();
	char line[256], name[32];

	for (size_t i = 0; i < nr_settings; i++)
		if (*read_line(settings[i].path, line, sizeof(line)))
			put_str(obj, settings[i].name, line);
	for (unsigned int i = PAGES_MTHP; i < nr_page_kinds; i++) {
		snprintf(name, sizeof(name), "thp_%s_enabled", page_kind_names[i]);
		put_str(obj, name, page_kind_setting(i, line, sizeof(line)));
	}
	return obj;
}

static struct json_object *json_node(int node)
{
	struct json_object *obj = json_object_new_object();
	struct json_object *distances = json_object_new_object();
	char path[64], line[1024], key[16];
	long long free_bytes = 0, bytes = numa_node_size64(node, &free_bytes);

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/cpulist",
		 node);
	for (int other = 0; other <= topo_max_node(); other++) {
		if (!numa_bitmask_isbitset(numa_nodes_ptr, other))
			continue;
		snprintf(key, sizeof(key), "%d", other);
		put_u64(distances, key, (uint64_t)numa_distance(node, other));
	}
	put_u64(obj, "node", (uint64_t)node);
	put_u64(obj, "memory_bytes", bytes > 0 ? (uint64_t)bytes : 0);
	put_u64(obj, "free_bytes", (uint64_t)free_bytes);
	put_str(obj, "cpus", read_line(path, line, sizeof(line)));
	put(obj, "distances", distances);
	return obj;
}

/* The first members of all results */
struct json_object *json_head(const char *workload, bool instructions)
{
	struct json_object *obj = json_object_new_object();
	time_t now = time(NULL);
	char date[32];

	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
	put_str(obj, "program", "numa-bench");
	put_str(obj, "version", NB_VERSION);
	put_str(obj, "workload", workload);
	put_str(obj, "date", date);
	put_str(obj, "clock_unit", instructions ? "instructions" : "ns");
	put_u64(obj, "base_page_bytes", base_page_bytes());
	return obj;
}

void json_machine(struct json_object *obj)
{
	struct json_object *cpu = json_object_new_object();
	struct json_object *nodes = json_object_new_array();
	char line[8192];

	put_str(cpu, "model", cpu_field("model name", line, sizeof(line)));
	put_str(cpu, "flags", cpu_field("flags", line, sizeof(line)));
	for (int node = 0; node <= topo_max_node(); node++)
		if (numa_bitmask_isbitset(numa_nodes_ptr, node))
			json_object_array_add(nodes, json_node(node));
	put(obj, "kernel", json_kernel());
	put(obj, "cpu", cpu);
	put(obj, "settings", json_settings());
	put(obj, "nodes", nodes);
}

/* "-" is stdout. Frees the object. */
int json_save(struct json_object *obj, const char *path)
{
	const int format = JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
			   JSON_C_TO_STRING_NOSLASHESCAPE;
	FILE *out = output_open(path, "--json");
	int ret = -1;

	if (out) {
		fprintf(out, "%s\n", json_object_to_json_string_ext(obj, format));
		ret = output_close(out, path, "--json");
	}
	json_object_put(obj);
	return ret;
}
