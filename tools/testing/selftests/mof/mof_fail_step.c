// SPDX-License-Identifier: GPL-2.0
/*
 * Steps of the touch and of the automatic mode that may fail for other reasons
 * than a failed allocation fail by injection: nothing is lost, nothing leaks.
 */
#include <numa.h>
#include <time.h>

#include "lib/auto.h"
#include "lib/fault.h"
#include "lib/test.h"

#define STEPS		30	/* of the automatic mode */
#define MOST_STEPS	600	/* until one of them allocates */
#define STEP_MSECS	30
#define ALL		1000000L	/* calls: more than there are */

FIXTURE(step)
{
	struct machine m;
	struct cgroup cg;
	struct area a;
	struct stats before;
	struct stats d;
};

/*
 * @retval: as the file of the function wants it
 * @moves: by another path, or at the second attempt
 * @again: how often the access faults again, as the page may be busy for a moment
 */
FIXTURE_VARIANT(step)
{
	const char *function;
	const char *retval;
	bool shared;
	bool moves;
	long again;
};

FIXTURE_VARIANT_ADD(step, direct_alloc) {
	.function = "mof_direct_alloc", .retval = "0", .moves = true,
};

FIXTURE_VARIANT_ADD(step, isolate) {
	.function = "mof_isolate", .retval = "0", .shared = true, .moves = true,
	.again = 1,
};

FIXTURE_VARIANT_ADD(step, node_is_full) {
	.function = "mof_node_is_full", .retval = "1", .moves = true,
};

FIXTURE_VARIANT_ADD(step, copy) {
	.function = "mof_copy_folio", .retval = "0xffffffffffffff7b",
};

FIXTURE_SETUP(step)
{
	const char *why = machine_setup(&self->m);

	if (!why && !have_lazy())
		why = NO_LAZY;
	if (!why)
		why = function_fails_start(variant->function, variant->retval);
	if (!why)
		why = cgroup_enter(&self->cg, "+memory");
	if (why) {
		machine_restore(&self->m);
		SKIP(return, "%s", why);
	}
	EXPECT_EQ(0, run_on(self->m.from));
	ASSERT_EQ(0, fault_area(&self->a, &self->m, 0, MAP_ANONYMOUS |
				(variant->shared ? MAP_SHARED : MAP_PRIVATE), -1));
	EXPECT_EQ(0, stats_read(&self->before));
}

FIXTURE_TEARDOWN_PARENT(step)
{
	function_fails_stop(variant->function);
	cgroup_leave(&self->cg);
	machine_restore(&self->m);
}

/* Touch all while so many calls fail; returns how many did. */
static long touch_with_failures(const struct area *a, long times)
{
	long left;

	if (function_fails(times))
		return -EIO;
	area_read(a);
	left = function_fails_left();
	return function_fails(0) || left < 0 ? -EIO : times - left;
}

/* None fails, then ever more of the first calls do, and then all of them. */
TEST_F(step, that_fails_leaves_contents_counters_and_charges)
{
	const char *kind = variant->shared ? "shmem" : "anon";
	long charged = 0, times, failures;

	/* First without, so that the test itself needs no more memory. */
	for (times = 1 - AREA_PAGES / 4; times <= AREA_PAGES + 1; times += AREA_PAGES / 4) {
		ASSERT_EQ(0, fault_begin(&self->m, &self->a));
		failures = touch_with_failures(&self->a, times > AREA_PAGES ? ALL :
							 times > 0 ? times : 0);
		EXPECT_EQ(times > 0, failures > 0);
		ASSERT_EQ(0, stats_since(&self->before, &self->d));
		EXPECT_EQ(0, stats_unreconciled(&self->d));
		EXPECT_EQ(0, area_bad(&self->a));
		EXPECT_EQ(0, area_hinted(&self->a));
		if (times > 0 && !variant->moves)
			EXPECT_LT(0, stats_failed(&self->d));
		ASSERT_EQ(0, run_on(self->m.from));
		if (times <= 0) {
			cgroup_unlisted(&self->cg);
			charged = cgroup_stat(&self->cg, kind);
		}
	}
	EXPECT_EQ(0, cgroup_unlisted(&self->cg));
	EXPECT_LT(0, charged);
	EXPECT_EQ(charged, cgroup_stat(&self->cg, kind));
}

TEST_F(step, that_fails_once_costs_one_more_fault_at_most)
{
	ASSERT_EQ(0, fault_begin(&self->m, &self->a));
	ASSERT_EQ(0, stats_read(&self->before));
	ASSERT_EQ(0, function_fails(1));
	page_write(&self->a, 0);
	EXPECT_EQ(0, function_fails_left());
	ASSERT_EQ(0, function_fails(0));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(variant->moves ? self->m.to : self->m.from, page_node(&self->a, 0));
	EXPECT_EQ(1 + variant->again, self->d.v[MOF_FAULTS]);
	EXPECT_EQ(variant->again, self->d.v[MOF_RETRIED]);
	EXPECT_EQ(variant->moves ? 0 : 1, self->d.v[MOF_FAILED_BUSY]);
	EXPECT_EQ(1, self->d.v[MOF_RESOLVED]);
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	area_read(&self->a);
	EXPECT_EQ(0, area_hinted(&self->a));
	EXPECT_EQ(0, area_bad(&self->a));
}

/* The automatic mode */

FIXTURE(sampling)
{
	struct machine m;
	struct area a;
	struct toucher t;
	struct stats before;
	struct stats d;
};

/* What fails: allocations, if no function is named */
FIXTURE_VARIANT(sampling)
{
	const char *function;
};

FIXTURE_VARIANT_ADD(sampling, allocations) { };

FIXTURE_VARIANT_ADD(sampling, history) {
	.function = "mof_extent_put",
};

FIXTURE_VARIANT_ADD(sampling, state) {
	.function = "mof_mm_get",
};

FIXTURE_SETUP(sampling)
{
	const char *why = automatic_setup(&self->m);

	if (!why && variant->function)
		why = function_fails_start(variant->function, "0");
	else if (!why)
		why = allocations_fail_start();
	if (why) {
		machine_restore(&self->m);
		SKIP(return, "%s", why);
	}
	ASSERT_EQ(0, run_on(self->m.from));
	ASSERT_EQ(0, area_new_extents(&self->a, 2, self->m.from));
	self->t = (struct toucher) { .a = &self->a, .node = self->m.to, .slot = 1 };
	ASSERT_EQ(0, stats_read(&self->before));
	ASSERT_EQ(0, write_long(BALANCING, 4));
}

FIXTURE_TEARDOWN_PARENT(sampling)
{
	if (variant->function)
		function_fails_stop(variant->function);
	else
		allocations_fail_stop();
	machine_restore(&self->m);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Run, as who runs makes steps, while the @nth allocation fails. */
static bool run_with_failure(const struct area *a, long nth)
{
	double end = now() + STEP_MSECS / 1e3;

	if (nth)
		allocation_fails(nth);
	while (now() < end)
		page_read(a, nth);
	return nth && allocation_has_failed();
}

/*
 * Nobody else makes steps, and who changes nodes has samples marked: what is kept
 * of them is allocated here. Returns how many allocations have failed.
 */
static long run_without_memory(const struct machine *m, const struct area *a)
{
	long step, failures = 0;

	for (step = 0; step < STEPS || (!failures && step < MOST_STEPS); step++) {
		run_on(step % 2 ? m->to : m->from);
		failures += run_with_failure(a, 1 + step % 4);
	}
	run_on(m->from);
	return failures;
}

/* Beside a thread whose memory is to follow it. Returns how many calls failed. */
static long run_without_function(struct toucher *t)
{
	long step, left;

	if (function_fails(STEPS) || toucher_start(t))
		return -EIO;
	for (step = 0; step < STEPS; step++)
		run_with_failure(t->a, 0);
	left = function_fails_left();
	return function_fails(0) || left < 0 ? -EIO : STEPS - left;
}

TEST_F(sampling, steps_that_fail_lose_nothing)
{
	long failures;

	if (variant->function) {
		failures = run_without_function(&self->t);
	} else {
		failures = run_without_memory(&self->m, &self->a);
		ASSERT_EQ(0, toucher_start(&self->t));
	}
	TH_LOG("%ld failures", failures);
	EXPECT_LT(0, failures);
	/* What fails is tried again. */
	EXPECT_TRUE(toucher_settles(&self->t));
	toucher_stop(&self->t);
	EXPECT_EQ(0, self->t.lost);
	ASSERT_EQ(0, write_long(BALANCING, 0));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_LT(0, self->d.v[MOF_ARMED]);
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, area_bad(&self->a));
}

#include "lib/main.h"
