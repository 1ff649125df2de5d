// SPDX-License-Identifier: GPL-2.0
/*
 * The command "compare": is a result of file B worse than that of file A? Prints
 * all figures with their ratios, and what else differs between the runs.
 */
#include <argp.h>
#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"

struct cmp_opts {
	const char *path[2];
	bool metric[CMP_MAX_METRICS];	/* chosen */
	bool any_metric;	/* false: those judged by default */
	double threshold;
	uint64_t seed;
};

struct cmp_total {
	size_t compared;
	size_t verdicts[4];
};

static const char *const verdict_names[] = {
	[SAME] = "", [UNSURE] = "within the spread", [BETTER] = "better",
	[WORSE] = "WORSE",
};

static const char *text_of(struct json_object *val)
{
	return val ? json_object_to_json_string_ext(val, JSON_C_TO_STRING_PLAIN |
						    JSON_C_TO_STRING_NOSLASHESCAPE) :
		     "(not there)";
}

/* Long values such as CPU flags are not printed. */
static void say_difference(const char *section, const char *key,
			   struct json_object *a, struct json_object *b)
{
	const char *from = text_of(a), *to = text_of(b);

	/* Other options tell all that matters of the arguments. */
	if (!strcmp(from, to) || !strcmp(key, "arguments"))
		return;
	if (strlen(from) + strlen(to) > 160)
		printf("  %s.%s differs\n", section, key);
	else
		printf("  %s.%s: %s -> %s\n", section, key, from, to);
}

static void differences_of(const struct cmp_file *a, const struct cmp_file *b,
			   const char *section)
{
	struct json_object *from = cmp_member(a->root, section);
	struct json_object *to = cmp_member(b->root, section), *other;

	if (!json_object_is_type(from, json_type_object) ||
	    !json_object_is_type(to, json_type_object)) {
		say_difference("file", section, from, to);
		return;
	}
	json_object_object_foreach(from, key, val)
		say_difference(section, key, val, cmp_member(to, key));
	json_object_object_foreach(to, new_key, new_val)
		if (!json_object_object_get_ex(from, new_key, &other))
			say_difference(section, new_key, NULL, new_val);
}

/* Free memory is not compared. */
static void node_differences(const struct cmp_file *a, const struct cmp_file *b)
{
	static const char *const keys[] = { "memory_bytes", "cpus", "distances" };
	struct json_object *lists[] = {
		cmp_member(a->root, "nodes"), cmp_member(b->root, "nodes"),
	};
	size_t nr[2] = { 0 };

	for (int i = 0; i < 2; i++)
		if (json_object_is_type(lists[i], json_type_array))
			nr[i] = json_object_array_length(lists[i]);
	if (nr[0] != nr[1]) {
		printf("  nodes: %zu -> %zu\n", nr[0], nr[1]);
		return;
	}
	for (size_t n = 0; n < nr[0]; n++)
		for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
			struct json_object *from = NULL, *to = NULL;
			char name[32], path[64];

			snprintf(path, sizeof(path), "/%zu/%s", n, keys[k]);
			json_pointer_get(lists[0], path, &from);
			json_pointer_get(lists[1], path, &to);
			snprintf(name, sizeof(name), "nodes[%zu]", n);
			say_difference(name, keys[k], from, to);
		}
}

/* Everything recorded that may explain a difference */
static void print_differences(const struct cmp_file *a, const struct cmp_file *b)
{
	static const char *const sections[] = {
		"version", "kernel", "cpu", "settings", "options", "placement",
		"interrupted",
	};

	printf("A: %s (%s, %s)\nB: %s (%s, %s)\n", a->path, a->command,
	       cmp_string(a->root, "date"), b->path, b->command,
	       cmp_string(b->root, "date"));
	printf("What else differs, A -> B:\n");
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
		differences_of(a, b, sections[i]);
	node_differences(a, b);
}

static const char *label_of(const struct cmp_row *row, const bool *common,
			    bool want_common, char *buf, size_t len)
{
	size_t used = 0;

	*buf = '\0';
	for (int f = FIELD_COMMAND; f < NR_FIELDS && used < len; f++)
		if (row->field[f] && common[f] == want_common)
			used += (size_t)snprintf(buf + used, len - used, "%s%s",
						 used ? " " : "", row->field[f]);
	return buf;
}

static void print_value(double value)
{
	if (isinf(value))
		printf(" %11s", "never");
	else
		printf(" %11.*f", fabs(value) < 1000 ? 2 : 0, value);
}

static void print_ratio(const char *label, const struct cmp_metric *metric,
			const struct cmp_ratio *ratio, enum verdict verdict)
{
	char spread[48] = "one sample";

	if (!ratio->single)
		snprintf(spread, sizeof(spread), "%.3f..%.3f", ratio->low,
			 ratio->high);
	printf("%-40s %-11s", label, metric->name);
	print_value(ratio->a);
	print_value(ratio->b);
	printf(" %7.3f %15s%s%s\n", ratio->ratio, spread,
	       verdict == SAME ? "" : "  ", verdict_names[verdict]);
}

static void compare_metric(const struct cmp_opts *opts, const char *label,
			   const struct cmp_row *rows[2], size_t idx,
			   struct cmp_total *total)
{
	const struct cmp_metric *metric = &cmp_metrics[idx];
	double *values[2];
	size_t nr[2];

	for (int i = 0; i < 2; i++)
		values[i] = cmp_values(rows[i], metric, &nr[i]);
	if (values[0] && values[1]) {
		struct cmp_ratio ratio = cmp_ratio(values[0], nr[0], values[1],
						   nr[1], opts->seed);
		enum verdict verdict = cmp_judge(&ratio, metric->more_is_better,
						 opts->threshold);

		print_ratio(label, metric, &ratio, verdict);
		total->compared++;
		total->verdicts[verdict]++;
	}
	free(values[0]);
	free(values[1]);
}

static bool has_samples(const struct cmp_row *row)
{
	return row->samples && json_object_array_length(row->samples);
}

static void compare_rows(const struct cmp_opts *opts, const char *label,
			 const struct cmp_row *rows[2], struct cmp_total *total)
{
	size_t before = total->compared;

	for (size_t i = 0; i < cmp_nr_metrics; i++)
		if ((opts->any_metric ? opts->metric[i] :
		     cmp_metrics[i].judged) &&
		    cmp_metric_of(&cmp_metrics[i], rows[0]->field[FIELD_COMMAND]))
			compare_metric(opts, label, rows, i, total);
	if (total->compared != before)
		return;
	printf("%-40s not compared", label);
	for (int i = 0; i < 2; i++)
		if (!has_samples(rows[i]))
			printf("; no samples in %c%s%s", 'A' + i,
			       *rows[i]->skipped ? ": " : "", rows[i]->skipped);
	puts(has_samples(rows[0]) && has_samples(rows[1]) ?
	     ": no figure that was asked for is in both" : "");
}

static void print_alone(const struct cmp_file *file, char name,
			const bool *common)
{
	char label[256];

	for (size_t i = 0; i < file->nr; i++)
		if (!file->rows[i].found)
			printf("%-40s only in %c\n",
			       label_of(&file->rows[i], common, false, label,
					sizeof(label)), name);
}

/* Finds fields that have the same value in all rows: they are printed once. */
static void find_common(const struct cmp_file *a, const struct cmp_file *b,
			bool *common)
{
	const struct cmp_row *first = a->nr ? a->rows : b->rows;

	for (int f = 0; f < NR_FIELDS; f++) {
		common[f] = true;
		for (size_t i = 0; i < a->nr; i++)
			common[f] &= !cmp_field_differs(first, &a->rows[i], f);
		for (size_t i = 0; i < b->nr; i++)
			common[f] &= !cmp_field_differs(first, &b->rows[i], f);
	}
	/* Rows need a name. */
	common[FIELD_METHOD] = false;
	common[FIELD_WORKLOAD] = false;
}

static struct cmp_total print_table(const struct cmp_opts *opts,
				    struct cmp_file *a, struct cmp_file *b)
{
	struct cmp_total total = { 0 };
	bool common[NR_FIELDS];
	char label[256];

	find_common(a, b, common);
	if (a->nr)
		printf("All rows: %s; times in %s, medians\n",
		       label_of(&a->rows[0], common, true, label, sizeof(label)),
		       a->unit);
	printf("\n%-40s %-11s %11s %11s %7s %15s\n", "row", "figure", "A", "B",
	       "B/A", "95% interval");
	for (size_t i = 0; i < a->nr; i++) {
		const struct cmp_row *rows[2] = { &a->rows[i] };
		struct cmp_row *other = cmp_find(b, &a->rows[i]);

		if (!other)
			continue;
		rows[1] = other;
		a->rows[i].found = true;
		other->found = true;
		label_of(rows[0], common, false, label, sizeof(label));
		compare_rows(opts, label, rows, &total);
	}
	print_alone(a, 'A', common);
	print_alone(b, 'B', common);
	return total;
}

enum { KEY_THRESHOLD = 0x400, KEY_METRIC, KEY_SEED };

static const struct argp_option options[] = {
	{ "threshold", KEY_THRESHOLD, "PERCENT", 0,
	  "Exit with 1 if a figure is worse by more than this, beyond the spread (default 5%)",
	  1 },
	{ "metric", KEY_METRIC, "LIST", 0,
	  "Figures to compare, or all (default: migrate, scale: total; touch: 1st-touch, 2nd-touch; latency: mean, p50, p99; auto: t95, local%, faults, touches)",
	  1 },
	{ "seed", KEY_SEED, "N", 0, "Seed of the intervals (default 1)", 1 },
	{ 0 }
};

static int parse_threshold(const char *arg, double *threshold)
{
	char *end;
	double val = strtod(arg, &end);

	if (end == arg || (*end == '%' ? end[1] : *end) || !(val >= 0) ||
	    val > 10000)
		return -1;
	*threshold = val / 100;
	return 0;
}

/* Several figures may have this name, for different commands. */
static int choose_metric(struct cmp_opts *opts, const char *name)
{
	bool all = !strcmp(name, "all"), any = false;

	for (size_t i = 0; i < cmp_nr_metrics; i++)
		if (all || !strcmp(cmp_metrics[i].name, name)) {
			opts->metric[i] = true;
			any = true;
		}
	opts->any_metric = true;
	return any ? 0 : -1;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct cmp_opts *opts = state->input;
	char word[NB_MAX_WORD];

	switch (key) {
	case KEY_THRESHOLD:
		if (parse_threshold(arg, &opts->threshold))
			argp_error(state, "bad threshold '%s': 0%% to 10000%%", arg);
		return 0;
	case KEY_METRIC:
		for (const char *list = arg; next_word(&list, word);)
			if (choose_metric(opts, word))
				argp_error(state, "bad list of figures '%s'", arg);
		return 0;
	case KEY_SEED:
		if (parse_u64(arg, &opts->seed))
			argp_error(state, "bad seed '%s'", arg);
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num >= 2)
			argp_error(state, "two files are compared, not more");
		opts->path[state->arg_num] = arg;
		return 0;
	case ARGP_KEY_END:
		if (state->arg_num < 2)
			argp_error(state, "two files are needed, A and B");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static int refuse(const char *why)
{
	fprintf(stderr, "numa-bench: these files cannot be compared: %s\n", why);
	return NB_USAGE;
}

static int compare_files(const struct cmp_opts *opts, struct cmp_file *a,
			 struct cmp_file *b)
{
	struct cmp_total total;

	if (strcmp(a->unit, b->unit))
		return refuse("one counts ns, the other instructions");
	if (strcmp(a->command, b->command))
		return refuse("they are of different commands");
	print_differences(a, b);
	total = print_table(opts, a, b);
	printf("\n%zu compared, %zu worse by more than %g%%, %zu better",
	       total.compared, total.verdicts[WORSE], 100 * opts->threshold,
	       total.verdicts[BETTER]);
	printf(", %zu beyond that but within the spread\n",
	       total.verdicts[UNSURE]);
	if (output_flush())
		return NB_CHECK_FAILED;
	if (!total.compared)
		return refuse("no row with samples is in both of them");
	return total.verdicts[WORSE] ? NB_CHECK_FAILED : NB_OK;
}

int compare_main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options, .parser = parse_option, .args_doc = "A B",
		.doc =
			"Compare two files that were written with --json: B to A.\vSee numa-bench(1) too.",
	};
	struct cmp_opts opts = { .threshold = 0.05, .seed = 1 };
	struct cmp_file a = { 0 }, b = { 0 };
	int ret = NB_USAGE;

	argp_parse(&argp, argc, argv, 0, NULL, &opts);
	if (!cmp_load(&a, opts.path[0]) && !cmp_load(&b, opts.path[1]))
		ret = compare_files(&opts, &a, &b);
	cmp_unload(&a);
	cmp_unload(&b);
	return ret;
}
