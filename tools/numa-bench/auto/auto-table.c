// SPDX-License-Identifier: GPL-2.0
/* The table of "numa-bench auto". */
#include <math.h>
#include <sys/utsname.h>

#include "auto.h"

static void print_header(const struct auto_results *res, FILE *out)
{
	const struct auto_opts *opts = res->opts;
	struct utsname uts;
	char size[32];

	uname(&uts);
	fprintf(out,
		"numa-bench auto: %s, %g s each, looked at each %g ms, %u%% busy, %u rounds per touch; %llu repeats\n",
		format_size(opts->bytes, size, sizeof(size)),
		(double)opts->run_ns / 1e9, (double)opts->interval_ns / 1e6,
		opts->busy, opts->compute, (unsigned long long)opts->repeat);
	fprintf(out, "Linux %s, kernel.numa_balancing = %d at other times; clock: %s\n",
		uts.release, balancing_get(),
		opts->instructions ? "instructions" : "ns");
	fprintf(out,
		"t95: seconds until 95%% of the pages are on the node of the thread that uses them; worst: of one thread, at the end\n");
	fprintf(out,
		"faults, PTEs, moved: numa_hint_faults, numa_pte_updates, numa_pages_migrated; late: after the first %g s\n",
		(double)opts->settle_ns / 1e9);
	fprintf(out,
		"x-stock: ratio to mode stock; Mtouch: million touches; x-off: ratio to mode off; user, sys: CPU seconds of the workload\n");
}

static void print_head(const struct auto_results *res,
		       const struct auto_row *row, FILE *out)
{
	fprintf(out, "\n%s, %s pages, %u threads in %u processes: %s\n",
		row->workload->name, page_kind_names[row->kind],
		row->nr_threads, row->nr_procs, row->workload->expect);
	fprintf(out, "%-8s %6s %7s %7s %7s %8s %7s %8s %8s %8s %8s %8s %8s %7s %7s %7s%s%s\n",
		"mode", "t95", "x-stock", "local%", "worst%", "faults",
		"x-stock", "PTEs", "moved", "late-flt", "late-PTE", "late-mov",
		"Mtouch", "x-off", "user", "sys",
		res->opts->instructions && res->opts->busy == 100 ?
		" insn/touch" : "", row->workload->gaps ? "  gap-us" : "");
}

/* "-" where there is no such figure */
static void print(double value, int width, int digits, FILE *out)
{
	if (isfinite(value))
		fprintf(out, " %*.*f", width, digits, value);
	else
		fprintf(out, " %*s", width, isnan(value) ? "-" : "never");
}

static void print_figure(const struct auto_row *row, enum figure figure,
			 double unit, int width, int digits, FILE *out)
{
	print(figure_stat(row, figure).median / unit, width, digits, out);
}

static void print_row(const struct auto_results *res,
		      const struct auto_row *row, FILE *out)
{
	double t95 = row->workload->no_owner ? NAN :
		     figure_stat(row, FIG_T95).median / 1e9;

	print(t95, 6, 2, out);
	print(figure_ratio(res, row, FIG_T95, MODE_STOCK), 7, 3, out);
	print_figure(row, FIG_LOCAL, 1, 7, 2, out);
	print_figure(row, FIG_WORST, 1, 7, 2, out);
	print_figure(row, FIG_FAULTS, 1, 8, 0, out);
	print(figure_ratio(res, row, FIG_FAULTS, MODE_STOCK), 7, 4, out);
	for (enum figure f = FIG_PTES; f <= FIG_LATE_MIGRATED; f++)
		print_figure(row, f, 1, 8, 0, out);
	print_figure(row, FIG_TOUCHES, 1e6, 8, 3, out);
	print(figure_ratio(res, row, FIG_TOUCHES, MODE_OFF), 7, 4, out);
	print_figure(row, FIG_USER, 1e9, 7, 2, out);
	print_figure(row, FIG_SYS, 1e9, 7, 2, out);
	if (res->opts->instructions && res->opts->busy == 100)
		print_figure(row, FIG_PER_TOUCH, 1, 10, 2, out);
	if (row->workload->gaps)
		print_figure(row, FIG_GAP, 1e3, 7, 1, out);
	fputc('\n', out);
}

static bool same_group(const struct auto_row *a, const struct auto_row *b)
{
	return a->workload == b->workload && a->kind == b->kind;
}

void auto_table(const struct auto_results *res, FILE *out)
{
	print_header(res, out);
	for (size_t i = 0; i < res->nr; i++) {
		const struct auto_row *row = &res->rows[i];

		if (!i || !same_group(row, row - 1))
			print_head(res, row, out);
		fprintf(out, "%-8s", mode_names[row->mode]);
		if (row->nr)
			print_row(res, row, out);
		else
			fprintf(out, " left out: %s\n", row->skipped ?
				row->skipped : "no run came to its end");
	}
	if (res->interrupted)
		fprintf(out, "\nInterrupted: what was measured until then.\n");
	fflush(out);
}
