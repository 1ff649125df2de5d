// SPDX-License-Identifier: GPL-2.0
/*
 * What follows from the samples of a row, and those parts of table, JSON and CSV
 * that all workloads share.
 */
#include <numa.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "json-put.h"
#include "results.h"

static struct stat_sum stat_of_samples(const struct row *row,
				       double (*value)(const struct sample *s,
						       enum phase phase),
				       enum phase phase)
{
	double *values = calloc(row->nr + 1, sizeof(*values));
	struct stat_sum sum = { 0 };

	if (!values)
		return sum;
	for (size_t i = 0; i < row->nr; i++)
		values[i] = value(&row->samples[i], phase);
	sum = stat_of(values, row->nr);
	free(values);
	return sum;
}

/* NR_PHASES: sum of call and first touch */
static double sample_ns(const struct sample *s, enum phase phase)
{
	return phase < NR_PHASES ? (double)s->ns[phase] :
	       (double)(s->ns[PHASE_CALL] + s->ns[PHASE_FIRST]);
}

static double sample_wall_ns(const struct sample *s, enum phase phase)
{
	return (double)s->wall_ns[phase];
}

/* 1 if all touched pages have moved, and no others */
double moved_per_touched(const struct sample *s)
{
	return s->touched_pages ? (double)s->place.moved_pages /
				  (double)s->touched_pages : 0;
}

static double sample_moved(const struct sample *s, enum phase phase)
{
	return moved_per_touched(s);
}

static struct stat_sum stat_of_phase(const struct row *row, enum phase phase)
{
	return stat_of_samples(row, sample_ns, phase);
}

/* The row with the same parameters and another method, or NULL */
const struct row *row_peer(const struct results *res, const struct row *row,
			   int method)
{
	for (size_t i = 0; i < res->nr; i++) {
		const struct row *other = &res->rows[i];

		if (other->method == &methods[method] && other->nr &&
		    other->kind == row->kind && other->bytes == row->bytes &&
		    other->threads == row->threads &&
		    other->nodes == row->nodes &&
		    other->pattern.kind == row->pattern.kind &&
		    other->pattern.fraction == row->pattern.fraction)
			return other;
	}
	return NULL;
}

/* The cost of the loop is that of touching pages that need no fault. */
static double baseline_ns(const struct results *res, const struct row *row)
{
	const struct row *none = row_peer(res, row, METHOD_NONE);

	return stat_of_phase(none ? none : row, PHASE_SECOND).median;
}

/*
 * The call is divided by the pages of the area, touches and the total by the
 * pages touched, which are the pages that a program benefits from.
 */
struct row_sum row_sum(const struct results *res, const struct row *row)
{
	double page_bytes = (double)base_page_bytes();
	double touched = row->nr ? (double)row->samples[0].touched_pages : 1;
	const struct row *move = row_peer(res, row, METHOD_MBIND_MOVE);
	struct row_sum sum = { 0 };
	double call, total;

	for (enum phase p = 0; p < NR_PHASES; p++) {
		sum.phase[p] = stat_of_phase(row, p);
		sum.per_page[p] = sum.phase[p].median / touched;
	}
	sum.per_page[PHASE_CALL] = sum.phase[PHASE_CALL].median /
				   ((double)row->bytes / page_bytes);
	sum.wall_per_page = stat_of_samples(row, sample_wall_ns,
					    PHASE_FIRST).median / touched;
	sum.moved_per_touched = stat_of_samples(row, sample_moved,
						NR_PHASES).median;
	sum.total = stat_of_phase(row, NR_PHASES);
	sum.baseline_ns = baseline_ns(res, row);
	sum.total_per_page = (sum.total.median - sum.baseline_ns) / touched;
	if (row->kind != PAGES_4K)
		sum.total_per_thp = sum.total_per_page *
				    (double)page_kind_bytes(row->kind) /
				    page_bytes;
	if (!move || row->method == &methods[METHOD_NONE])
		return sum;
	call = stat_of_phase(move, PHASE_CALL).median;
	total = stat_of_phase(move, NR_PHASES).median - sum.baseline_ns;
	if (call > 0)
		sum.call_ratio = sum.phase[PHASE_CALL].median / call;
	if (total > 0 && row->method->moves)
		sum.total_ratio = (sum.total.median - sum.baseline_ns) / total;
	return sum;
}

static int check_row(const struct row *row)
{
	int bad = 0;

	for (size_t i = 0; i < row->nr; i++) {
		const struct sample *s = &row->samples[i];

		if (s->mismatched_pages)
			fprintf(stderr,
				"numa-bench: %s, %s pages, sample %zu: %zu pages differ from what was written; this kernel loses data, keep its log\n",
				row->method->name, page_kind_names[row->kind],
				i + 1, s->mismatched_pages);
		if (s->call_errno)
			fprintf(stderr,
				"numa-bench: %s, %s pages, sample %zu: the call failed: %s\n",
				row->method->name, page_kind_names[row->kind],
				i + 1, strerror(s->call_errno));
		bad |= s->mismatched_pages || s->call_errno;
	}
	return bad;
}

int results_status(const struct results *res)
{
	size_t samples = 0;
	int bad = 0;

	for (size_t i = 0; i < res->nr; i++) {
		samples += res->rows[i].nr;
		bad |= check_row(&res->rows[i]);
	}
	if (bad)
		return NB_CHECK_FAILED;
	if (res->interrupted)
		return NB_INTERRUPTED;
	if (!samples) {
		fprintf(stderr, "numa-bench: nothing could be measured; the table says why\n");
		return NB_SKIP;
	}
	return NB_OK;
}

void report_header(const struct results *res, FILE *out)
{
	const struct bench_opts *opts = res->opts;
	const struct topo *topo = &res->topo;
	struct utsname uts;
	char line[128];

	uname(&uts);
	fprintf(out,
		"numa-bench %s: from node %d to node %d (distance %d), touched by CPU %d: ",
		res->workload->name, topo->from, topo->to,
		numa_distance(topo->to, topo->from), topo->touch_cpu);
	if (!opts->patterns)
		fprintf(out, "%s, %g%%; ", touch_kind_names[opts->touches.idx[0]],
			opts->fractions.val[0] * 100);
	fprintf(out, "%llu repeats\n", (unsigned long long)opts->repeat);
	fprintf(out, "Linux %s", uts.release);
	for (size_t i = 0; i < nr_settings; i++)
		if (*read_line(settings[i].path, line, sizeof(line)) &&
		    (strchr(settings[i].name, '.') ||
		     !strcmp(settings[i].name, "thp_enabled")))
			fprintf(out, ", %s = %s", settings[i].name, line);
	fputc('\n', out);
}

void report_group(const struct row *row, FILE *out)
{
	char size[32];

	fprintf(out, "\n%s pages, %s (%zu pages of %zu bytes)",
		page_kind_names[row->kind],
		format_size(row->bytes, size, sizeof(size)),
		row->bytes / base_page_bytes(), base_page_bytes());
	if (row->threads > 1)
		fprintf(out, ", touched by %u threads", row->threads);
	fputc('\n', out);
}

void report_ratio(double ratio, FILE *out)
{
	if (ratio > 0)
		fprintf(out, " %7.3f", ratio);
	else
		fprintf(out, " %7s", "-");
}

/* The first columns of a row */
void report_method(const struct row *row, FILE *out)
{
	fprintf(out, "%-11s", row->method->name);
	if (row->window == WINDOW_NONE)
		fprintf(out, " %6s", "-");
	else
		fprintf(out, " %6d", row->window);
}

/* Prints the reason if a row has no samples; returns whether it did. */
bool report_left_out(const struct row *row, FILE *out)
{
	if (!row->skipped && row->nr)
		return false;
	fprintf(out, " left out: %s\n",
		row->skipped ? row->skipped : "no sample taken");
	return true;
}

/* perf events of the last sample, summed over phases */
void report_perf(const struct row *row, FILE *out)
{
	const struct sample *s = &row->samples[row->nr - 1];
	bool any = false;

	for (unsigned int i = 0; row->nr && i < NB_MAX_EVENTS; i++) {
		uint64_t sum = 0;

		for (int p = 0; p < NR_PHASES; p++)
			sum += s->counts[p].perf[i].value;
		if (!perf_name(i))
			continue;
		fprintf(out, "%s %s %llu", any ? "" : "  perf:", perf_name(i),
			(unsigned long long)sum);
		any = true;
	}
	if (any)
		fputc('\n', out);
}

void report_end(const struct results *res, FILE *out)
{
	if (res->interrupted)
		fprintf(out, "\nInterrupted: medians of the samples until then.\n");
	fflush(out);
}

static struct json_object *json_numbers(const struct num_list *numbers)
{
	struct json_object *list = json_object_new_array();

	for (unsigned int i = 0; i < numbers->nr; i++)
		json_object_array_add(list, numbers->val[i] == WINDOW_DEFAULT ?
				      json_object_new_string("default") :
				      json_object_new_int(numbers->val[i]));
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

/* [[from, to], ...], by part of the area */
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
	put_str(obj, "touch", touch_kind_names[row->pattern.kind]);
	put_double(obj, "touched_percent", row->pattern.fraction * 100);
	if (row->pattern.kind == TOUCH_STRIDED)
		put_u64(obj, "stride_pages", row->pattern.stride);
	put(obj, "skipped", row->skipped ?
	    json_object_new_string(row->skipped) : NULL);
	res->workload->json(res, row, obj);
	return obj;
}

static struct json_object *json_results(const struct results *res)
{
	struct json_object *obj = json_head(res->workload->name,
					    res->opts->out.instructions);
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

int json_write(const struct results *res, const char *path)
{
	return json_save(json_results(res), path);
}

/* The first columns of a line */
void csv_row_key(const struct row *row, FILE *out)
{
	fprintf(out, "%s,%s,%zu,", row->method->name,
		page_kind_names[row->kind], row->bytes);
	if (row->window != WINDOW_NONE)
		fprintf(out, "%d", row->window);
	fprintf(out, ",%u,%u,%s,%g", row->threads, row->nodes,
		touch_kind_names[row->pattern.kind],
		row->pattern.fraction * 100);
}

/* "-" is stdout */
int csv_write(const struct results *res, const char *path)
{
	FILE *out = output_open(path, "--csv");

	if (!out)
		return -1;
	fputs("method,page_size,size_bytes,window,threads,nodes,touch,touched_percent", out);
	for (const char *const *name = res->workload->columns; *name; name++)
		fprintf(out, ",%s", *name);
	fputc('\n', out);
	for (size_t i = 0; i < res->nr; i++)
		res->workload->csv(&res->rows[i], out);
	return output_close(out, path, "--csv");
}
