// SPDX-License-Identifier: GPL-2.0
/* A line for each sample of "numa-bench migrate". */
#include "results.h"

const char *const migrate_columns[] = {
	"sample", "call_ns", "first_touch_ns", "second_touch_ns",
	"first_touch_wall_ns", "second_touch_wall_ns",
	"touched_pages", "moved_pages", "moved_untouched_pages",
	"left_behind_pages", "mismatched_pages", "moved_per_touched", NULL
};

static void write_sample(const struct row *row, size_t idx, FILE *out)
{
	const struct sample *s = &row->samples[idx];

	csv_row_key(row, out);
	fprintf(out, ",%zu", idx);
	for (int p = 0; p < NR_PHASES; p++)
		fprintf(out, ",%llu", (unsigned long long)s->ns[p]);
	for (int p = PHASE_FIRST; p < NR_PHASES; p++)
		fprintf(out, ",%llu", (unsigned long long)s->wall_ns[p]);
	fprintf(out, ",%zu,%zu,%zu,%zu,%zu,%.4f\n", s->touched_pages,
		s->place.moved_pages, s->place.moved_untouched_pages,
		s->place.left_behind_pages, s->mismatched_pages,
		moved_per_touched(s));
}

void migrate_csv(const struct row *row, FILE *out)
{
	for (size_t i = 0; i < row->nr; i++)
		write_sample(row, i, out);
}
