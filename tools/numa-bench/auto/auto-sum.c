// SPDX-License-Identifier: GPL-2.0
/* Figures of a run, and those of several. */
#include <math.h>
#include <stdlib.h>

#include "auto.h"

#define LOCAL_ENOUGH	0.95

const char *const figure_names[NR_FIGURES] = {
	[FIG_T95] = "time_to_95_percent_ns",
	[FIG_LOCAL] = "final_local_percent",
	[FIG_WORST] = "final_worst_thread_local_percent",
	[FIG_FAULTS] = "hint_faults",
	[FIG_PTES] = "pte_updates",
	[FIG_MIGRATED] = "migrated_pages",
	[FIG_LATE_FAULTS] = "late_hint_faults",
	[FIG_LATE_PTES] = "late_pte_updates",
	[FIG_LATE_MIGRATED] = "late_migrated_pages",
	[FIG_TOUCHES] = "touches",
	[FIG_LATE_TOUCHES] = "late_touches",
	[FIG_JOBS] = "jobs",
	[FIG_USER] = "user_ns",
	[FIG_SYS] = "sys_ns",
	[FIG_MINOR] = "minor_faults",
	[FIG_PER_TOUCH] = "wall_ns_per_touch",
	[FIG_WATCH] = "watch_ns",
	[FIG_GAP] = "longest_gap_ns",
};

/*
 * From one time to the first point where enough is local; or NEVER. 0 if it was
 * so when somebody first looked.
 */
uint64_t time_to_local(const struct point *points, size_t nr, uint64_t from,
		       uint64_t until)
{
	for (size_t i = 0; i < nr && points[i].ns < until; i++)
		if (points[i].ns >= from && points[i].local >= LOCAL_ENOUGH)
			return i ? points[i].ns - from : 0;
	return NEVER;
}

/*
 * The longest of all epochs; in a periodic workload the first one has nothing
 * to follow.
 */
static double longest_t95(const struct auto_sample *sample)
{
	double longest = 0;

	for (unsigned int i = sample->nr_epochs > 1; i < sample->nr_epochs; i++)
		longest = fmax(longest, sample->t95[i] == NEVER ? INFINITY :
			       (double)sample->t95[i]);
	return longest;
}

static double worst_local(const struct auto_sample *sample)
{
	double worst = 1;

	for (unsigned int i = 0; i < sample->nr_threads; i++)
		worst = fmin(worst, sample->last.threads[i].local);
	return worst;
}

static double event(const struct auto_sample *sample, const char *name,
		    bool late)
{
	const struct point *end = &sample->points[sample->nr_points - 1];
	uint64_t before = 0;

	if (late && sample->settled == sample->nr_points)
		return NAN;
	if (late)
		before = counters_get(&sample->points[sample->settled].counts,
				      name);
	return (double)(counters_get(&end->counts, name) - before);
}

static double touches_since(const struct auto_sample *sample, size_t first)
{
	if (first >= sample->nr_points)
		return NAN;
	return (double)(sample->points[sample->nr_points - 1].touches -
			sample->points[first].touches);
}

static double per_touch(const struct auto_sample *sample)
{
	const struct point *first = &sample->points[0];
	const struct point *end = &sample->points[sample->nr_points - 1];

	return (double)(end->ns - first->ns) / touches_since(sample, 0);
}

static double event_of(const struct auto_sample *sample, enum figure figure)
{
	static const char *const names[] = {
		"numa_hint_faults", "numa_pte_updates", "numa_pages_migrated",
	};
	bool late = figure >= FIG_LATE_FAULTS;

	return event(sample, names[(figure - FIG_FAULTS) % 3], late);
}

static double effort_of(const struct auto_sample *sample, enum figure figure)
{
	switch (figure) {
	case FIG_TOUCHES:
		return touches_since(sample, 0);
	case FIG_LATE_TOUCHES:
		return touches_since(sample, sample->settled);
	case FIG_JOBS:
		return (double)sample->jobs;
	case FIG_USER:
		return (double)sample->user_ns;
	case FIG_SYS:
		return (double)sample->sys_ns;
	case FIG_MINOR:
		return (double)sample->minor_faults;
	case FIG_WATCH:
		return (double)sample->watch_ns;
	case FIG_GAP:
		return sample->longest_ns ? (double)sample->longest_ns : NAN;
	default:
		return per_touch(sample);
	}
}

/* NAN: there is none; INFINITY: it never came to that */
double figure_of(const struct auto_sample *sample, enum figure figure)
{
	if (figure <= FIG_WORST && sample->last.local < 0)
		return NAN;
	if (figure == FIG_T95)
		return longest_t95(sample);
	if (figure == FIG_LOCAL)
		return 100 * sample->last.local;
	if (figure == FIG_WORST)
		return 100 * worst_local(sample);
	return figure <= FIG_LATE_MIGRATED ? event_of(sample, figure) :
					     effort_of(sample, figure);
}

struct stat_sum figure_stat(const struct auto_row *row, enum figure figure)
{
	double *values = calloc(row->nr + 1, sizeof(*values));
	struct stat_sum sum = { .median = NAN };

	if (!values)
		return sum;
	for (size_t i = 0; i < row->nr; i++)
		values[i] = figure_of(&row->samples[i], figure);
	if (row->nr)
		sum = stat_of(values, row->nr);
	free(values);
	return sum;
}

static const struct auto_row *peer_of(const struct auto_results *res,
				      const struct auto_row *row,
				      enum mode mode)
{
	for (size_t i = 0; i < res->nr; i++) {
		const struct auto_row *other = &res->rows[i];

		if (other->workload == row->workload && other->mode == mode &&
		    other->kind == row->kind && other->nr)
			return other;
	}
	return NULL;
}

/* To the same workload in another mode; NAN where that says nothing */
double figure_ratio(const struct auto_results *res, const struct auto_row *row,
		    enum figure figure, enum mode mode)
{
	const struct auto_row *peer = peer_of(res, row, mode);
	double ratio;

	if (!peer)
		return NAN;
	ratio = figure_stat(row, figure).median /
		figure_stat(peer, figure).median;
	return isfinite(ratio) ? ratio : NAN;
}
