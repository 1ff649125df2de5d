// SPDX-License-Identifier: GPL-2.0
/* The results for programs: raw samples, and all that they depend on. */
#include <json-c/json.h>
#include <numa.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "numa-bench.h"

static void put(struct json_object *obj, const char *key, struct json_object *val)
{
	json_object_object_add(obj, key, val);
}

static void put_str(struct json_object *obj, const char *key, const char *val)
{
	put(obj, key, json_object_new_string(val));
}

static void put_u64(struct json_object *obj, const char *key, uint64_t val)
{
	put(obj, key, json_object_new_uint64(val));
}

static void put_double(struct json_object *obj, const char *key, double val)
{
	put(obj, key, json_object_new_double(val));
}

static void append_str(struct json_object *list, const char *val)
{
	json_object_array_add(list, json_object_new_string(val));
}

static struct json_object *json_options(const struct migrate_opts *opts)
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
	put_str(obj, "touch", touch_kind_names[opts->touch]);
	put_double(obj, "touched_percent", opts->fraction * 100);
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
	char line[256];

	for (size_t i = 0; i < nr_settings; i++)
		if (*read_line(settings[i].path, line, sizeof(line)))
			put_str(obj, settings[i].name, line);
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

/* Counters go by the kernel's names; where they count nothing, they are left out */
static struct json_object *json_phase(const struct counters *c, uint64_t ns)
{
	struct json_object *obj = json_object_new_object(), *vmstat = json_object_new_object();

	for (unsigned int i = 0; i < counters_nr(); i++)
		if (c->vmstat[i])
			put_u64(vmstat, counters_name(i), c->vmstat[i]);
	put_u64(obj, "time_ns", ns);
	put_u64(obj, "minor_faults", c->minor_faults);
	put_u64(obj, "major_faults", c->major_faults);
	put(obj, "vmstat", vmstat);
	return obj;
}

static struct json_object *json_node_pages(const struct placement *place)
{
	struct json_object *obj = json_object_new_object();
	char key[16];

	for (int node = 0; node < NB_MAX_NODES; node++) {
		if (!place->node_pages[node])
			continue;
		snprintf(key, sizeof(key), "%d", node);
		put_u64(obj, key, place->node_pages[node]);
	}
	return obj;
}

static struct json_object *json_sample(const struct sample *s)
{
	struct json_object *obj = json_object_new_object();

	for (int p = 0; p < NR_PHASES; p++)
		put(obj, phase_names[p], json_phase(&s->counts[p], s->ns[p]));
	put(obj, "call_result", json_object_new_int64(s->call_result));
	put(obj, "call_errno", json_object_new_int(s->call_errno));
	put_u64(obj, "touched_pages", s->touched_pages);
	put_u64(obj, "moved_pages", s->place.moved_pages);
	put_u64(obj, "moved_untouched_pages", s->place.moved_untouched_pages);
	put_u64(obj, "left_behind_pages", s->place.left_behind_pages);
	put_u64(obj, "absent_pages", s->place.absent_pages);
	put(obj, "node_pages", json_node_pages(&s->place));
	put_u64(obj, "thps_before", s->thps_before);
	put_u64(obj, "thps_after", s->thps_after);
	put_u64(obj, "mismatched_pages", s->mismatched_pages);
	return obj;
}

static struct json_object *json_stat(const struct stat_sum *stat)
{
	struct json_object *obj = json_object_new_object();

	put_double(obj, "median_ns", stat->median);
	put_double(obj, "min_ns", stat->min);
	put_double(obj, "max_ns", stat->max);
	put_double(obj, "spread_percent", stat->spread_percent);
	return obj;
}

static struct json_object *json_ratio(double ratio)
{
	return ratio > 0 ? json_object_new_double(ratio) : NULL;
}

static struct json_object *json_summary(const struct results *res, const struct row *row)
{
	struct json_object *obj = json_object_new_object();
	struct row_sum sum = row_sum(res, row);
	char key[48];

	for (int p = 0; p < NR_PHASES; p++) {
		put(obj, phase_names[p], json_stat(&sum.phase[p]));
		snprintf(key, sizeof(key), "%s_per_page_ns", phase_names[p]);
		put_double(obj, key, sum.per_page[p]);
	}
	put(obj, "call_and_first_touch", json_stat(&sum.total));
	put_double(obj, "loop_ns", sum.baseline_ns);
	put_double(obj, "total_per_page_ns", sum.total_per_page);
	if (row->kind == PAGES_THP)
		put_double(obj, "total_per_thp_ns", sum.total_per_thp);
	put(obj, "call_to_mbind_move_ratio", json_ratio(sum.call_ratio));
	put(obj, "total_to_mbind_move_ratio", json_ratio(sum.total_ratio));
	return obj;
}

static struct json_object *json_row(const struct results *res, const struct row *row)
{
	struct json_object *obj = json_object_new_object(), *samples = json_object_new_array();

	for (size_t i = 0; i < row->nr; i++)
		json_object_array_add(samples, json_sample(&row->samples[i]));
	put_str(obj, "method", row->method->name);
	put_str(obj, "page_size", page_kind_names[row->kind]);
	put_u64(obj, "size_bytes", row->bytes);
	put_u64(obj, "area_pages", row->bytes / base_page_bytes());
	put(obj, "skipped", row->skipped ?
	    json_object_new_string(row->skipped) : NULL);
	put(obj, "samples", samples);
	put(obj, "summary", row->nr ? json_summary(res, row) : NULL);
	return obj;
}

static struct json_object *json_results(const struct results *res)
{
	struct json_object *obj = json_object_new_object(), *rows = json_object_new_array();
	time_t now = time(NULL);
	char date[32];

	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
	for (size_t i = 0; i < res->nr; i++)
		json_object_array_add(rows, json_row(res, &res->rows[i]));
	put_str(obj, "program", "numa-bench");
	put_str(obj, "version", NB_VERSION);
	put_str(obj, "workload", "migrate");
	put_str(obj, "date", date);
	put_str(obj, "clock_unit",
		res->opts->instructions ? "instructions" : "ns");
	put_u64(obj, "base_page_bytes", base_page_bytes());
	put(obj, "interrupted", json_object_new_boolean(res->interrupted));
	put(obj, "options", json_options(res->opts));
	put(obj, "kernel", json_kernel());
	put(obj, "cpu", json_cpu());
	put(obj, "settings", json_settings());
	put(obj, "nodes", json_nodes());
	put(obj, "placement", json_placement(&res->topo));
	put(obj, "results", rows);
	return obj;
}

/* "-" is stdout */
int json_write(const struct results *res, const char *path)
{
	const int format = JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
			   JSON_C_TO_STRING_NOSLASHESCAPE;
	struct json_object *obj = json_results(res);
	FILE *out = strcmp(path, "-") ? fopen(path, "w") : stdout;
	int ret = out ? 0 : -1;

	if (out && fprintf(out, "%s\n",
			   json_object_to_json_string_ext(obj, format)) < 0)
		ret = -1;
	if (out && (out == stdout ? fflush(out) : fclose(out)))
		ret = -1;
	if (ret)
		fprintf(stderr, "numa-bench: cannot write %s: %m; choose another --json\n",
			path);
	json_object_put(obj);
	return ret;
}
