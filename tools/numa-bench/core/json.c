// SPDX-License-Identifier: GPL-2.0
/* The results for programs: raw samples, and all that they depend on. */
#include <numa.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "json-put.h"
#include "results.h"

static struct json_object *json_number(int number)
{
	return number == WINDOW_DEFAULT ? json_object_new_string("default") :
					  json_object_new_int(number);
}

static struct json_object *json_numbers(const struct num_list *numbers)
{
	struct json_object *list = json_object_new_array();

	for (unsigned int i = 0; i < numbers->nr; i++)
		json_object_array_add(list, json_number(numbers->val[i]));
	return list;
}

static struct json_object *json_options(const struct bench_opts *opts)
{
	struct json_object *obj = json_object_new_object();
	struct json_object *args = json_object_new_array(), *sizes = json_object_new_array();
	struct json_object *names = json_object_new_array(), *kinds = json_object_new_array();

	for (int i = 1; i < opts->argc; i++)
		append_str(args, opts->argv[i]);
	for (unsigned int i = 0; i < opts->sizes.nr; i++)
		json_object_array_add(sizes,
				      json_object_new_uint64(opts->sizes.bytes[i]));
	for (unsigned int i = 0; i < opts->methods.nr; i++)
		append_str(names, methods[opts->methods.idx[i]].name);
	for (unsigned int i = 0; i < opts->page_kinds.nr; i++)
		append_str(kinds, page_kind_names[opts->page_kinds.idx[i]]);
	put(obj, "arguments", args);
	put(obj, "sizes_bytes", sizes);
	put(obj, "methods", names);
	put(obj, "page_sizes", kinds);
	put(obj, "windows", json_numbers(&opts->windows));
	put(obj, "threads", json_numbers(&opts->threads));
	put(obj, "nodes", json_numbers(&opts->nodes));
	put_str(obj, "touch", touch_kind_names[opts->touches.idx[0]]);
	put_double(obj, "touched_percent", opts->fractions.val[0] * 100);
	put_u64(obj, "warm_ups", opts->warm_ups);
	put_u64(obj, "repeats", opts->repeat);
	put_u64(obj, "seed", opts->seed);
	return obj;
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

static struct json_object *json_cpu(void)
{
	struct json_object *obj = json_object_new_object();
	char line[8192];

	put_str(obj, "model", cpu_field("model name", line, sizeof(line)));
	put_str(obj, "flags", cpu_field("flags", line, sizeof(line)));
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

static struct json_object *json_nodes(void)
{
	struct json_object *list = json_object_new_array();

	for (int node = 0; node <= topo_max_node(); node++)
		if (numa_bitmask_isbitset(numa_nodes_ptr, node))
			json_object_array_add(list, json_node(node));
	return list;
}

static struct json_object *json_placement(const struct topo *topo)
{
	struct json_object *obj = json_object_new_object();

	put_u64(obj, "from_node", (uint64_t)topo->from);
	put_u64(obj, "to_node", (uint64_t)topo->to);
	put_u64(obj, "distance", (uint64_t)numa_distance(topo->to, topo->from));
	put_u64(obj, "write_cpu", (uint64_t)topo->write_cpu);
	put_u64(obj, "touch_cpu", (uint64_t)topo->touch_cpu);
	return obj;
}

/* [[from, to], ...]: of each part of the area */
static struct json_object *json_pairs(const struct pairs *pairs)
{
	struct json_object *list = json_object_new_array();

	for (unsigned int i = 0; i < pairs->nr; i++) {
		struct json_object *pair = json_object_new_array();

		json_object_array_add(pair,
				      json_object_new_int(pairs->pair[i].from));
		json_object_array_add(pair,
				      json_object_new_int(pairs->pair[i].to));
		json_object_array_add(list, pair);
	}
	return list;
}

static void json_pattern(struct json_object *obj, const struct pattern *pattern)
{
	put_str(obj, "touch", touch_kind_names[pattern->kind]);
	put_double(obj, "touched_percent", pattern->fraction * 100);
	if (pattern->kind == TOUCH_STRIDED)
		put_u64(obj, "stride_pages", pattern->stride);
}

static struct json_object *json_row(const struct results *res, const struct row *row)
{
	struct json_object *obj = json_object_new_object();

	put_str(obj, "method", row->method->name);
	put_str(obj, "page_size", page_kind_names[row->kind]);
	put_u64(obj, "size_bytes", row->bytes);
	put(obj, "window", row->window == WINDOW_NONE ? NULL :
	    json_object_new_int(row->window));
	put_u64(obj, "threads", row->threads);
	put_u64(obj, "nodes", row->nodes);
	put(obj, "pairs", json_pairs(row->pairs));
	put_u64(obj, "area_pages", row->bytes / base_page_bytes());
	json_pattern(obj, &row->pattern);
	put(obj, "skipped", row->skipped ?
	    json_object_new_string(row->skipped) : NULL);
	res->workload->json(res, row, obj);
	return obj;
}

/* What all results begin with, whatever was measured */
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
	put(obj, "kernel", json_kernel());
	put(obj, "cpu", json_cpu());
	put(obj, "settings", json_settings());
	put(obj, "nodes", json_nodes());
}

static struct json_object *json_results(const struct results *res)
{
	struct json_object *obj = json_head(res->workload->name,
					    res->opts->instructions);
	struct json_object *rows = json_object_new_array();

	for (size_t i = 0; i < res->nr; i++)
		json_object_array_add(rows, json_row(res, &res->rows[i]));
	put(obj, "interrupted", json_object_new_boolean(res->interrupted));
	put(obj, "options", json_options(res->opts));
	json_machine(obj);
	put(obj, "placement", json_placement(&res->topo));
	put(obj, "results", rows);
	return obj;
}

/* "-" is stdout; the object is gone afterwards. */
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

int json_write(const struct results *res, const char *path)
{
	return json_save(json_results(res), path);
}
