// SPDX-License-Identifier: GPL-2.0
/* The tables for people: what they have in common. */
#include <numa.h>
#include <string.h>
#include <sys/utsname.h>

#include "results.h"

/* What all tables say first */
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

/* What a line begins with */
void report_method(const struct row *row, FILE *out)
{
	fprintf(out, "%-11s", row->method->name);
	if (row->window == WINDOW_NONE)
		fprintf(out, " %6s", "-");
	else
		fprintf(out, " %6d", row->window);
}

/* Says so instead of figures; true if there are none */
bool report_left_out(const struct row *row, FILE *out)
{
	if (!row->skipped && row->nr)
		return false;
	fprintf(out, " left out: %s\n",
		row->skipped ? row->skipped : "no sample taken");
	return true;
}

/* Events of all phases of the last sample, where they are counted */
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

/* What all tables say last */
void report_end(const struct results *res, FILE *out)
{
	if (res->interrupted)
		fprintf(out, "\nInterrupted: medians of what was measured until then.\n");
	fflush(out);
}
