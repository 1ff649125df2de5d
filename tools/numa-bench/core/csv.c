// SPDX-License-Identifier: GPL-2.0
/* Lines for spreadsheets and plots. */
#include "results.h"

/* What a line begins with */
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
