// SPDX-License-Identifier: GPL-2.0
/*
 * The command "info": nodes, kernel features and permissions. Features are
 * tested by using them, on a page of this process or an empty range: a file may
 * exist and the call still be refused.
 */
#include <argp.h>
#include <numa.h>
#include <numaif.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "json-put.h"
#include "numa-bench.h"

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

/* The number after "Node 0 MemTotal:" (KiB) or after "numa_hit"; or -1 */
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

static void info_nodes(void)
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

/* The tables of numastat(8) and numastat -m */
static void info_numastat(void)
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

/* {"0": {"numa_hit": ...}, ...}; empty without NUMA */
static struct json_object *info_numastat_json(void)
{
	struct json_object *obj = json_object_new_object();
	char key[16];

	if (numa_available() < 0)
		return obj;
	for (int node = 0; node <= topo_max_node(); node++) {
		struct json_object *one;

		if (!is_node(node))
			continue;
		one = json_object_new_object();
		for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
			long long val = field_of(node, "numastat", counts[i]);

			if (val >= 0)
				put_u64(one, counts[i], (uint64_t)val);
		}
		snprintf(key, sizeof(key), "%d", node);
		put(obj, key, one);
	}
	return obj;
}

static const char *missing_nodes(void)
{
	unsigned int nr = 0;

	for (int node = 0; node <= topo_max_node(); node++)
		nr += topo_has_memory(node);
	return nr >= 2 ? NULL : "fewer than two nodes with memory that this process may use";
}

static const char *missing_mempolicy(void)
{
	int mode;

	return get_mempolicy(&mode, NULL, 0, NULL, 0) ?
		"refused, or a kernel without CONFIG_NUMA" : NULL;
}

static const char *missing_lazy(void)
{
	return methods[METHOD_MBIND_LAZY].missing();
}

static const char *missing_automatic(void)
{
	return counters_known("mof_samples") ? NULL :
		"no mof_samples in /proc/vmstat (needs CONFIG_MIGRATE_ON_FAULT)";
}

static const char *missing_thp(void)
{
	return page_kind_missing(PAGES_THP);
}

static const char *missing_mthp(void)
{
	return nr_page_kinds > PAGES_MTHP ? NULL :
		"no sizes between a page and a PMD (Linux 6.8 has)";
}

static const char *missing_vmstat(void)
{
	return counters_nr() ? NULL : "/proc/vmstat cannot be read, or has none of them";
}

static const char *missing_smaps(void)
{
	return access("/proc/self/smaps", R_OK) ?
		"a kernel without CONFIG_PROC_PAGE_MONITOR, or no /proc" : NULL;
}

static const char *missing_cpusets(void)
{
	char line[256];

	read_line("/sys/fs/cgroup/cgroup.controllers", line, sizeof(line));
	if (!strstr(line, "cpuset"))
		return "no cgroup v2 with the controller cpuset (bound-cpuset needs it)";
	return access("/sys/fs/cgroup/cgroup.subtree_control", W_OK) ?
		"only root may set it" : NULL;
}

struct feature {
	const char *name;
	const char *(*missing)(void);
	const char *event;		/* of perf */
	const char *path;		/* to be written */
	const char *why_no_path;
};

static const struct feature features[] = {
	{ "two nodes", .missing = missing_nodes },
	{ "get_mempolicy", .missing = missing_mempolicy },
	{ "mbind", .missing = mbind_missing },
	{ "move_pages", .missing = move_pages_missing },
	{ "MPOL_MF_LAZY", .missing = missing_lazy },
	{ "vm.mof_window_pages", .path = "/proc/sys/vm/mof_window_pages",
	  .why_no_path = "a kernel without CONFIG_MIGRATE_ON_FAULT" },
	{ "kernel.numa_balancing", .path = "/proc/sys/kernel/numa_balancing",
	  .why_no_path = "a kernel without CONFIG_NUMA_BALANCING, or a single node" },
	{ "automatic mode (4)", .missing = missing_automatic },
	{ "THPs", .missing = missing_thp },
	{ "THPs of other sizes", .missing = missing_mthp },
	{ "counters of migration", .missing = missing_vmstat },
	{ "/proc/self/smaps", .missing = missing_smaps },
	{ "cpusets", .missing = missing_cpusets },
	{ "perf: software events", .event = "page-faults:u" },
	{ "perf: cycles", .event = "cycles:u" },
	{ "perf: node-loads", .event = "node-loads:u" },
	{ "perf: events in the kernel", .event = "page-faults" },
};

static const char *missing(const struct feature *feature)
{
	if (feature->missing)
		return feature->missing();
	if (feature->event)
		return perf_missing(feature->event);
	if (access(feature->path, F_OK))
		return feature->why_no_path;
	return access(feature->path, W_OK) ? "only root may set it" : NULL;
}

static const struct argp_option options[] = {
	{ "json", KEY_JSON, "FILE", 0,
	  "Write it as JSON; - for stdout without the tables", 1 },
	{ 0 }
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	const char **json_path = state->input;

	switch (key) {
	case KEY_JSON:
		*json_path = arg;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is not an option", arg);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static void print_kernel(void)
{
	struct utsname uts;
	char line[8192];

	uname(&uts);
	printf("Linux %s %s\n", uts.release, uts.machine);
	if (*cpu_field("model name", line, sizeof(line)))
		printf("CPU: %s\n", cpu_field("model name", line, sizeof(line)));
	printf("pages:");
	for (unsigned int i = 0; i < nr_page_kinds; i++) {
		const char *why = page_kind_missing(i);

		printf(" %s%s", page_kind_names[i], why ? " (not here)" : "");
	}
	printf("; base page %zu bytes\n", base_page_bytes());
}

static void print_features(void)
{
	printf("\nFeatures\n");
	for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
		const char *why = missing(&features[i]);

		printf("%-28s %s%s\n", features[i].name, why ? "no: " : "yes",
		       why ? why : "");
	}
}

static void print_settings(void)
{
	char line[256];

	printf("\nSettings\n");
	for (size_t i = 0; i < nr_settings; i++) {
		read_line(settings[i].path, line, sizeof(line));
		printf("%-28s %s\n", settings[i].name,
		       *line ? line : "(not there)");
	}
	for (unsigned int i = PAGES_MTHP; i < nr_page_kinds; i++)
		printf("thp_%s_enabled%*s %s\n", page_kind_names[i],
		       (int)(16 - strlen(page_kind_names[i])), "",
		       page_kind_setting(i, line, sizeof(line)));
}

static int write_json(const char *path)
{
	struct json_object *obj = json_head("info", false);
	struct json_object *list = json_object_new_object();

	json_machine(obj);
	for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
		const char *why = missing(&features[i]);

		put(list, features[i].name, why ? json_object_new_string(why) : NULL);
	}
	/* null: available; else the reason */
	put(obj, "features_missing", list);
	list = json_object_new_array();
	for (unsigned int i = 0; i < nr_page_kinds; i++)
		append_str(list, page_kind_names[i]);
	put(obj, "page_sizes", list);
	put(obj, "numastat", info_numastat_json());
	return json_save(obj, path);
}

int info_main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options, .parser = parse_option,
		.doc =
			"Print nodes, kernel features, settings and permissions.\vSee numa-bench(1) too.",
	};
	const char *json_path = NULL;

	argp_parse(&argp, argc, argv, 0, NULL, &json_path);
	counters_init();	/* prints its own errors */
	if (!json_path || strcmp(json_path, "-")) {
		print_kernel();
		info_nodes();
		print_features();
		print_settings();
		info_numastat();
		if (output_flush())
			return NB_CHECK_FAILED;
	}
	if (json_path && write_json(json_path))
		return NB_CHECK_FAILED;
	return NB_OK;
}
