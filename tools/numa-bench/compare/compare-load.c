// SPDX-License-Identifier: GPL-2.0
/* Results of earlier runs: reads a file, and what identifies each row. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"

/* Where a row does not say it itself, the options of its run do. */
static const char *const members[NR_FIELDS] = {
	[FIELD_WORKLOAD] = "workload",
	[FIELD_MODE] = "mode",
	[FIELD_METHOD] = "method",
	[FIELD_PAGES] = "page_size",
	[FIELD_SIZE] = "size_bytes",
	[FIELD_WINDOW] = "window",
	[FIELD_TOUCH] = "touch",
	[FIELD_PERCENT] = "touched_percent",
	[FIELD_STRIDE] = "stride_pages",
	[FIELD_THREADS] = "threads",
	[FIELD_PROCESSES] = "processes",
	[FIELD_NODES] = "nodes",
};

static int bad_file(const struct cmp_file *file, const char *what)
{
	fprintf(stderr,
		"numa-bench: %s: %s; give files that numa-bench wrote with --json\n",
		file->path, what);
	return -1;
}

/* NULL where there is no such member, or it is null */
static struct json_object *member(struct json_object *obj, const char *key)
{
	struct json_object *val = NULL;

	if (json_object_is_type(obj, json_type_object))
		json_object_object_get_ex(obj, key, &val);
	return val;
}

const char *cmp_string(struct json_object *obj, const char *key)
{
	struct json_object *val = member(obj, key);

	return json_object_is_type(val, json_type_string) ?
		json_object_get_string(val) : "";
}

/* One window that was not chosen is the default, whatever its size. */
static bool default_window(struct json_object *options)
{
	struct json_object *list = member(options, "windows");

	return json_object_is_type(list, json_type_array) &&
	       json_object_array_length(list) == 1 &&
	       json_object_is_type(json_object_array_get_idx(list, 0),
				   json_type_string);
}

static struct json_object *field_value(struct json_object *row,
				       struct json_object *options,
				       enum cmp_field field)
{
	struct json_object *val = member(row, members[field]);

	if (!val)
		val = member(options, members[field]);
	/* The lists of an option say nothing of a row. */
	return json_object_is_type(val, json_type_array) ? NULL : val;
}

static char *field_text(struct json_object *val, enum cmp_field field,
			bool window_default)
{
	char buf[64], size[32];

	switch (field) {
	case FIELD_SIZE:
		format_size((size_t)json_object_get_uint64(val), size, sizeof(size));
		return strdup(size);
	case FIELD_WINDOW:
		if (window_default)
			return strdup("window default");
		snprintf(buf, sizeof(buf), "window %d", json_object_get_int(val));
		return strdup(buf);
	case FIELD_PERCENT:
		snprintf(buf, sizeof(buf), "%g%%", json_object_get_double(val));
		return strdup(buf);
	case FIELD_STRIDE:
	case FIELD_THREADS:
	case FIELD_PROCESSES:
	case FIELD_NODES:
		snprintf(buf, sizeof(buf), "%s %d",
			 field == FIELD_STRIDE ? "stride" : members[field],
			 json_object_get_int(val));
		return strdup(buf);
	default:
		return strdup(json_object_get_string(val));
	}
}

static int load_row(const struct cmp_file *file, struct json_object *obj,
		    struct cmp_row *row)
{
	struct json_object *options = member(file->root, "options");
	bool window_default = default_window(options);

	row->field[FIELD_COMMAND] = strdup(file->command);
	for (int i = FIELD_COMMAND + 1; i < NR_FIELDS; i++) {
		struct json_object *val = field_value(obj, options, i);

		if (!val)
			continue;
		row->field[i] = field_text(val, i, window_default);
		if (!row->field[i])
			return -1;
	}
	row->samples = member(obj, "samples");
	if (!json_object_is_type(row->samples, json_type_array))
		row->samples = NULL;
	row->area_pages = json_object_get_double(member(obj, "area_pages"));
	row->skipped = cmp_string(obj, "skipped");
	return row->field[FIELD_COMMAND] ? 0 : -1;
}

static int load_rows(struct cmp_file *file)
{
	struct json_object *list = member(file->root, "results");
	size_t nr;

	if (strcmp(cmp_string(file->root, "program"), "numa-bench") ||
	    !json_object_is_type(list, json_type_array))
		return bad_file(file, "these are no results of numa-bench");
	nr = json_object_array_length(list);
	file->rows = calloc(nr + 1, sizeof(*file->rows));
	if (!file->rows)
		return bad_file(file, "no memory for its rows");
	while (file->nr < nr) {
		struct json_object *row = json_object_array_get_idx(list, file->nr);

		if (!json_object_is_type(row, json_type_object))
			return bad_file(file, "a row is no object");
		if (load_row(file, row, &file->rows[file->nr++]))
			return bad_file(file, "no memory for its rows");
	}
	return 0;
}

int cmp_load(struct cmp_file *file, const char *path)
{
	memset(file, 0, sizeof(*file));
	file->path = path;
	file->root = json_object_from_file(path);
	if (!file->root) {
		fprintf(stderr, "numa-bench: cannot read %s as JSON: %s\n", path,
			json_util_get_last_err());
		return -1;
	}
	file->command = cmp_string(file->root, "workload");
	file->unit = cmp_string(file->root, "clock_unit");
	return load_rows(file);
}

void cmp_unload(struct cmp_file *file)
{
	for (size_t i = 0; i < file->nr; i++)
		for (int f = 0; f < NR_FIELDS; f++)
			free(file->rows[i].field[f]);
	free(file->rows);
	json_object_put(file->root);
	memset(file, 0, sizeof(*file));
}

static bool same_field(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* A row of the same identity that no other one has found yet, or NULL */
struct cmp_row *cmp_find(const struct cmp_file *file, const struct cmp_row *row)
{
	for (size_t i = 0; i < file->nr; i++) {
		struct cmp_row *other = &file->rows[i];
		int f = 0;

		while (f < NR_FIELDS && same_field(other->field[f], row->field[f]))
			f++;
		if (f == NR_FIELDS && !other->found)
			return other;
	}
	return NULL;
}
