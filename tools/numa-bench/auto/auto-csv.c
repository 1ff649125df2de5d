// SPDX-License-Identifier: GPL-2.0
/* A line for each look at a run of "numa-bench auto", for plots */
#include "auto.h"

static void write_point(const struct auto_row *row, size_t idx,
			const struct point *point, FILE *out)
{
	const struct auto_sample *sample = &row->samples[idx];

	fprintf(out, "%s,%s,%s,%zu,%llu,", row->workload->name,
		mode_names[row->mode], page_kind_names[row->kind], idx,
		(unsigned long long)point->ns);
	if (point->local >= 0)
		fprintf(out, "%.3f", 100 * point->local);
	fprintf(out, ",%llu", (unsigned long long)(point->touches -
						   sample->points[0].touches));
	for (unsigned int c = 0; c < counters_nr(); c++)
		fprintf(out, ",%llu",
			(unsigned long long)point->counts.vmstat[c]);
	fputc('\n', out);
}

static void write_row(const struct auto_row *row, FILE *out)
{
	for (size_t i = 0; i < row->nr; i++)
		for (size_t k = 0; k < row->samples[i].nr_points; k++)
			write_point(row, i, &row->samples[i].points[k], out);
}

/* "-" is stdout */
int auto_csv(const struct auto_results *res, const char *path)
{
	FILE *out = output_open(path, "--csv");

	if (!out)
		return -1;
	fputs("workload,mode,page_size,sample,ns,local_percent,touches", out);
	for (unsigned int c = 0; c < counters_nr(); c++)
		fprintf(out, ",%s", counters_name(c));
	fputc('\n', out);
	for (size_t i = 0; i < res->nr; i++)
		write_row(&res->rows[i], out);
	return output_close(out, path, "--csv");
}
