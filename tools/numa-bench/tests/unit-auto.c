// SPDX-License-Identifier: GPL-2.0
/* Plans and figures of "numa-bench auto". */
#include <math.h>
#include <string.h>

#include "auto.h"
#include "unit.h"

#define PAGES	1000

static void test_times(void)
{
	const struct point points[] = {
		{ .ns = 0, .local = 0.5 }, { .ns = 10, .local = 0.94 },
		{ .ns = 20, .local = 0.95 }, { .ns = 30, .local = 0.2 },
		{ .ns = 40, .local = 1 },
	};

	ok(time_to_local(points, 5, 0, NEVER) == 20 &&
	   time_to_local(points, 5, 10, NEVER) == 10,
	   "the time to local memory counts from the epoch");
	ok(time_to_local(points, 5, 25, NEVER) == 15 &&
	   time_to_local(points, 5, 25, 40) == NEVER &&
	   time_to_local(points, 2, 0, NEVER) == NEVER &&
	   time_to_local(points, 0, 0, NEVER) == NEVER,
	   "an epoch without enough local pages has no time");
	ok(time_to_local(points + 2, 3, 0, NEVER) == 0,
	   "memory that is local at the first probe takes no time");
}

/* Whether each page is in exactly one share */
static bool each_page_once(const struct auto_workload *workload,
			   unsigned int nr_threads)
{
	struct plan plan = {
		.workload = workload, .nr_threads = nr_threads, .nr_procs = 1,
		.area = { .nr_pages = PAGES },
	};
	unsigned int used[PAGES] = { 0 };

	for (unsigned int i = 0; i < nr_threads; i++) {
		struct share share = { .step = 1 };

		workload->layout(&plan, &share, i);
		for (size_t k = 0; k < share.nr; k++)
			used[share.first + k * share.step]++;
	}
	for (size_t i = 0; i < PAGES; i++)
		if (used[i] != 1)
			return false;
	return true;
}

static void test_plans(void)
{
	struct plan plan = {
		.workload = &phase, .nr_threads = 4, .nr_procs = 1, .nr_nodes = 2,
	};

	ok(each_page_once(&interleave, 2) && each_page_once(&interleave, 3) &&
	   each_page_once(&interleave, 7), "interleaved pages have one owner each");
	ok(plan_share_of(&plan, 1, 0) == 1 && plan_share_of(&plan, 1, 1) == 2 &&
	   plan_share_of(&plan, 3, 1) == 0 && plan_share_of(&plan, 3, 8) == 3,
	   "phase takes over the part of the next thread");
	plan.nr_procs = 2;
	plan.workload = &numa01;
	ok(plan_proc_of(&plan, 1) == 0 && plan_proc_of(&plan, 2) == 1 &&
	   plan_share_of(&plan, 3, 0) == 1 && plan_cpu_of(&plan, 3, 0) == -1,
	   "numa01 has a share for each process, and threads run anywhere");
	ok(handover.node_of(&plan, 0, 0) == 0 && handover.node_of(&plan, 0, 1) == 1,
	   "handover begins on the first node and goes to the second");
}

static void test_texts(void)
{
	bool good = nr_auto_workloads <= NB_MAX_LIST;

	for (unsigned int i = 0; i < nr_auto_workloads; i++)
		good &= *auto_workloads[i]->does && *auto_workloads[i]->expect;
	for (unsigned int f = 0; f < NR_FIGURES; f++)
		good &= figure_names[f] && *figure_names[f];
	ok(good, "workloads have an expected result, figures have names");
}

static struct auto_sample sample_of(struct point *points, size_t nr)
{
	return (struct auto_sample) {
		.points = points, .nr_points = nr, .settled = 1,
		.nr_epochs = 1, .t95 = { NEVER }, .sys_ns = 7,
		.last = { .local = 0.75 },
	};
}

static void test_figures(void)
{
	struct point points[] = {
		{ .ns = 0, .touches = 100 }, { .ns = 50, .touches = 150 },
		{ .ns = 100, .touches = 300 },
	};
	struct auto_sample sample = sample_of(points, 3);

	ok(figure_of(&sample, FIG_TOUCHES) == 200 &&
	   figure_of(&sample, FIG_LATE_TOUCHES) == 150 &&
	   figure_of(&sample, FIG_PER_TOUCH) == 0.5 &&
	   figure_of(&sample, FIG_LOCAL) == 75 &&
	   figure_of(&sample, FIG_SYS) == 7, "figures of a run");
	ok(isinf(figure_of(&sample, FIG_T95)), "never is infinite");
	sample.settled = 3;
	ok(isnan(figure_of(&sample, FIG_LATE_TOUCHES)) &&
	   isnan(figure_of(&sample, FIG_LATE_PTES)),
	   "a run too short to settle has no late figures");
	sample.nr_epochs = 3;
	sample.t95[1] = 4;
	sample.t95[2] = 6;
	ok(figure_of(&sample, FIG_T95) == 6,
	   "t95 is the longest of all epochs but the first");
	sample.last.local = -1;
	ok(isnan(figure_of(&sample, FIG_LOCAL)) &&
	   isnan(figure_of(&sample, FIG_T95)), "without shares there is no locality");
}

static void test_ratios(void)
{
	struct point points[] = { { .touches = 0 }, { .ns = 1, .touches = 100 } };
	struct point others[] = { { .touches = 0 }, { .ns = 1, .touches = 80 } };
	struct auto_sample off = sample_of(points, 2), stock = sample_of(others, 2);
	struct auto_row rows[] = {
		{ .workload = &split, .mode = MODE_OFF, .samples = &off, .nr = 1 },
		{ .workload = &split, .mode = MODE_STOCK, .samples = &stock, .nr = 1 },
		{ .workload = &steady, .mode = MODE_OFF, .samples = &off, .nr = 1 },
	};
	struct auto_results res = { .rows = rows, .nr = 3 };

	ok(figure_ratio(&res, &rows[1], FIG_TOUCHES, MODE_OFF) == 0.8 &&
	   figure_ratio(&res, &rows[0], FIG_TOUCHES, MODE_STOCK) == 1.25,
	   "ratios are to another mode of the same workload");
	ok(isnan(figure_ratio(&res, &rows[2], FIG_TOUCHES, MODE_STOCK)) &&
	   isnan(figure_ratio(&res, &rows[1], FIG_T95, MODE_OFF)),
	   "undefined ratios are NAN");
}

void test_auto(void)
{
	test_times();
	test_plans();
	test_texts();
	test_figures();
	test_ratios();
}
