// SPDX-License-Identifier: GPL-2.0
/* One line per sample, for spreadsheets and plots. */
#include <string.h>

#include "results.h"

static void write_sample(const struct row *row, size_t idx, FILE *out)
{
	const struct sample *s = &row->samples[idx];

	fprintf(out, "%s,%s,%zu,", row->method->name,
		page_kind_names[row->kind], row->bytes);
	if (row->window != WINDOW_NONE)
		fprintf(out, "%d", row->window);
	fprintf(out, ",%u,%zu", row->threads, idx);
	for (int p = 0; p < NR_PHASES; p++)
		fprintf(out, ",%llu", (unsigned long long)s->ns[p]);
	for (int p = PHASE_FIRST; p < NR_PHASES; p++)
		fprintf(out, ",%llu", (unsigned long long)s->wall_ns[p]);
	fprintf(out, ",%zu,%zu,%zu,%zu,%zu,%.4f\n", s->touched_pages,
		s->place.moved_pages, s->place.moved_untouched_pages,
		s->place.left_behind_pages, s->mismatched_pages,
		moved_per_touched(s));
}

static const char *const columns[] = {
	"method", "page_size", "size_bytes", "window", "threads", "sample",
	"call_ns", "first_touch_ns", "second_touch_ns",
	"first_touch_wall_ns", "second_touch_wall_ns",
	"touched_pages", "moved_pages", "moved_untouched_pages",
	"left_behind_pages", "mismatched_pages", "moved_per_touched",
};

static void write_head(FILE *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		fprintf(out, "%s%c", columns[i],
			i + 1 < ARRAY_SIZE(columns) ? ',' : '\n');
}

/* "-" is stdout */
int csv_write(const struct results *res, const char *path)
{
	FILE *out = strcmp(path, "-") ? fopen(path, "w") : stdout;

	if (!out)
		goto fail;
	write_head(out);
	for (size_t i = 0; i < res->nr; i++)
		for (size_t j = 0; j < res->rows[i].nr; j++)
			write_sample(&res->rows[i], j, out);
	if (!(out == stdout ? fflush(out) : fclose(out)))
		return 0;
fail:
	fprintf(stderr, "numa-bench: cannot write %s: %m; choose another --csv\n",
		path);
	return -1;
}
