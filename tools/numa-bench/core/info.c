// SPDX-License-Identifier: GPL-2.0
/* The command "info": what this machine and kernel have, and what is allowed. */
#include <argp.h>
#include <numa.h>
#include <string.h>
#include <sys/utsname.h>

#include "info.h"
#include "json-put.h"
#include "results.h"

enum { KEY_JSON = 0x500 };

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
	for (size_t i = 0; i < nr_features; i++) {
		const char *why = features[i].missing();

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
	for (size_t i = 0; i < nr_features; i++) {
		const char *why = features[i].missing();

		put(list, features[i].name, why ? json_object_new_string(why) : NULL);
	}
	/* null: it is there; else why it is not */
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
			"Tell what this machine and its kernel have for NUMA, and what is allowed.\vSee numa-bench(1) too.",
	};
	const char *json_path = NULL;

	argp_parse(&argp, argc, argv, 0, NULL, &json_path);
	counters_init();	/* says itself what it lacks */
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
