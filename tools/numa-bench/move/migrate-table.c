// SPDX-License-Identifier: GPL-2.0
/* The table of "numa-bench migrate". */
#include <string.h>

#include "results.h"

static void print_legend(const struct results *res, FILE *out)
{
	fprintf(out,
		"%s per 4 KiB page, medians; total: call and first touch without the loop's own cost\n",
		res->opts->instructions ? "Instructions" : "ns");
	fprintf(out,
		"x-call, x-total: ratio to mbind-move; hints, minflt: hinting and minor faults; m/touch: moved per touched; left: touched, not on node %d\n",
		res->topo.to);
}

static void print_head(const struct row *row, FILE *out)
{
	report_group(row, out);
	fprintf(out, "%-11s %6s %9s %9s %9s %9s %5s %7s %7s %7s %7s %8s %8s %7s %8s",
		"method", "window", "call", "1st-touch", "2nd-touch", "total", "+-%",
		"x-call", "x-total", "hints", "minflt", "pgmigr", "moved",
		"m/touch", "left");
	if (row->kind != PAGES_4K)
		fprintf(out, " %12s %9s", "total/THP", "THPs");
	if (row->threads > 1)
		fprintf(out, " %9s", "1st-wall");
	fprintf(out, "  %s\n", "node:pages");
}

static double count_of(const struct sample *s, const char *name)
{
	double sum = 0;

	for (int p = 0; p < NR_PHASES; p++)
		sum += (double)counters_get(&s->counts[p], name);
	return sum;
}

static void print_costs(const struct row *row, const struct row_sum *sum,
			FILE *out)
{
	for (int p = 0; p < NR_PHASES; p++)
		fprintf(out, " %9.1f", sum->per_page[p]);
	if (row->method->moves)
		fprintf(out, " %9.1f", sum->total_per_page);
	else
		fprintf(out, " %9s", "-");
	fprintf(out, " %5.1f", sum->total.spread_percent);
	report_ratio(sum->call_ratio, out);
	report_ratio(sum->total_ratio, out);
}

static void print_nodes(const struct placement *place, FILE *out)
{
	fputc(' ', out);
	for (int node = 0; node < NB_MAX_NODES; node++)
		if (place->node_pages[node])
			fprintf(out, " %d:%zu", node, place->node_pages[node]);
	if (place->absent_pages)
		fprintf(out, " absent:%zu", place->absent_pages);
}

/* Counts and placement of the last sample; the JSON file has all of them. */
static void print_counts(const struct row *row, const struct row_sum *sum,
			 FILE *out)
{
	const struct sample *s = &row->samples[row->nr - 1];
	uint64_t minor = s->counts[PHASE_FIRST].minor_faults +
			 s->counts[PHASE_SECOND].minor_faults;

	fprintf(out, " %7.0f %7llu %8.0f %8zu %7.3f %8zu",
		count_of(s, "numa_hint_faults"), (unsigned long long)minor,
		count_of(s, "pgmigrate_success"), s->place.moved_pages,
		sum->moved_per_touched, s->place.left_behind_pages);
	if (row->kind != PAGES_4K) {
		if (row->method->moves)
			fprintf(out, " %12.0f", sum->total_per_thp);
		else
			fprintf(out, " %12s", "-");
		fprintf(out, " %4zu/%-4zu", s->thps_after, s->thps_before);
	}
	if (row->threads > 1)
		fprintf(out, " %9.1f", sum->wall_per_page);
	print_nodes(&s->place, out);
	if (s->mismatched_pages)
		fprintf(out, " WRONG CONTENTS: %zu pages", s->mismatched_pages);
	fputc('\n', out);
}

static void print_row(const struct results *res, const struct row *row,
		      FILE *out)
{
	struct row_sum sum;

	report_method(row, out);
	if (report_left_out(row, out))
		return;
	sum = row_sum(res, row);
	print_costs(row, &sum, out);
	print_counts(row, &sum, out);
}

/* " 64", to tell rows of one method apart */
static const char *window_label(const struct row *row, char *buf, size_t len)
{
	*buf = '\0';
	if (row->window != WINDOW_NONE)
		snprintf(buf, len, " %d", row->window);
	return buf;
}

/* What our own counters say, where the kernel has them and they counted */
static void print_mof_counters(const struct row *row, FILE *out)
{
	const struct sample *s = &row->samples[row->nr - 1];
	bool any = false;
	char label[16];

	for (unsigned int i = 0; i < counters_nr(); i++) {
		const char *name = counters_name(i);
		double val = count_of(s, name);

		if (strncmp(name, "mof_", 4) || !val)
			continue;
		if (!any)
			fprintf(out, "  %s%s:", row->method->name,
				window_label(row, label, sizeof(label)));
		fprintf(out, " %s %.0f", name, val);
		any = true;
	}
	if (any)
		fputc('\n', out);
}

void migrate_table(const struct results *res, FILE *out)
{
	size_t group = res->group;

	report_header(res, out);
	print_legend(res, out);
	for (size_t i = 0; i < res->nr; i++) {
		if (i % group == 0)
			print_head(&res->rows[i], out);
		print_row(res, &res->rows[i], out);
		report_perf(&res->rows[i], out);
		if (i % group != group - 1)
			continue;
		for (size_t j = i + 1 - group; j <= i; j++)
			if (res->rows[j].nr)
				print_mof_counters(&res->rows[j], out);
	}
	report_end(res, out);
}
