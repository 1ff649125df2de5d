// SPDX-License-Identifier: GPL-2.0
/*
 * Races: a thread that marks, by a call or in a step of the automatic mode, is
 * held before it marks, or before it flushes the TLB, while others use the
 * memory. A CPU with a stale TLB entry writes to the page all the time.
 */
#include <numa.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "lib/auto.h"
#include "lib/race_test.h"

FIXTURE(marker)
{
	struct machine m;
	struct race r;
};

FIXTURE_VARIANT(marker)
{
	enum race_kind kind;
	const char *point;
	bool needs_points;	/* without points, the same as another variant */
};

FIXTURE_VARIANT_ADD(marker, not_begun) {
	.kind = RACE_SMALL, .point = "mbind", .needs_points = true,
};

FIXTURE_VARIANT_ADD(marker, not_flushed) {
	.kind = RACE_SMALL, .point = "marked",
};

FIXTURE_VARIANT_ADD(marker, not_flushed_shared) {
	.kind = RACE_SHARED, .point = "marked",
};

FIXTURE_VARIANT_ADD(marker, not_flushed_thp) {
	.kind = RACE_THP, .point = "marked",
};

FIXTURE_SETUP(marker)
{
	SKIP_SETUP(return, &self->m,
		   race_needs(&self->m, variant->kind, variant->needs_points));
	ASSERT_EQ(0, run_on(self->m.from));
	self->r = (struct race) {
		.m = &self->m, .kind = variant->kind, .point = variant->point,
		.marks = true, .file = -1,
	};
}

FIXTURE_TEARDOWN_PARENT(marker)
{
	if (have_points())
		point_release(variant->point);
	machine_restore(&self->m);
}

/* Migrates marked pages while the writer still has a TLB entry. */
static int touch_from_there(struct race *r)
{
	int err = run_on(r->m->to);

	area_read(&r->a);
	return err;
}

/* Held before the flush, some touches find marks; a THP's may not. */
static int some_are_there(struct race *r)
{
	if (!have_points() || strcmp(r->point, "marked") || r->kind == RACE_THP)
		return 0;
	return area_on(&r->a, r->m->to) > 0 ? 0 : -EIO;
}

TEST_F(marker, touches_from_another_node_lose_no_write_of_a_cpu_with_old_entries)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.run = touch_from_there, .check = some_are_there, .first = true,
	});
}

static int mark_too(struct race *r)
{
	return mark(&r->a, MPOL_LOCAL, 0);
}

TEST_F(marker, second_marker_loses_no_write)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.run = mark_too,
	});
}

TEST_F(marker, eager_migration_loses_no_write)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.run = race_move_to,
	});
}

TEST_F(marker, reclaim_loses_no_write)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.prepare = race_swap_prepare, .run = race_page_out,
		.finish = race_swap_finish,
	});
}

/*
 * Change the protection and restore it, under mmap_lock, which the marker holds
 * for reading.
 */
static int protect(struct race *r)
{
	if (mprotect(r->a.base, area_bytes(&r->a), PROT_READ | PROT_WRITE | PROT_EXEC) ||
	    mprotect(r->a.base, area_bytes(&r->a), PROT_READ | PROT_WRITE))
		return -errno;
	return 0;
}

TEST_F(marker, mprotect_loses_no_write)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.run = protect,
	});
}

static int fork_and_wait(struct race *r)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		area_read(&r->a);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -ECHILD;
	return status ? -EFAULT : 0;
}

TEST_F(marker, fork_loses_no_write)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.run = fork_and_wait,
	});
}

/* Steps of the automatic mode */

FIXTURE(stepper)
{
	struct machine m;
	struct race r;
};

/*
 * @armed: hold it when it has marked an armed extent, not a sample
 * @locked: it holds the page table lock at this point
 */
FIXTURE_VARIANT(stepper)
{
	enum race_kind kind;
	const char *point;
	bool armed;
	bool locked;
};

FIXTURE_VARIANT_ADD(stepper, sampled) {
	.kind = RACE_SMALL, .point = "sampled",
};

FIXTURE_VARIANT_ADD(stepper, sampled_thp) {
	.kind = RACE_THP, .point = "sampled",
};

FIXTURE_VARIANT_ADD(stepper, arming) {
	.kind = RACE_SMALL, .point = "arming",
};

FIXTURE_VARIANT_ADD(stepper, armed) {
	.kind = RACE_SMALL, .point = "sampled", .armed = true,
};

FIXTURE_VARIANT_ADD(stepper, learning) {
	.kind = RACE_SMALL, .point = "learning", .locked = true,
};

static int cpus_on(int node)
{
	struct bitmask *cpus = numa_allocate_cpumask();
	int nr = numa_node_to_cpus(node, cpus) ? 0 : numa_bitmask_weight(cpus);

	numa_free_cpumask(cpus);
	return nr;
}

FIXTURE_SETUP(stepper)
{
	const char *why = automatic_setup(&self->m);

	SKIP_SETUP(return, &self->m, why);
	if (variant->kind == RACE_THP)
		why = thp_missing();
	if (!why && !have_points())
		why = NO_POINTS;
	/* A real-time thread writes there, beside the one that makes steps. */
	if (!why && cpus_on(self->m.from) < 2)
		why = "needs two CPUs on a node";
	SKIP_SETUP(return, &self->m, why);
	ASSERT_EQ(0, run_on(self->m.from));
	self->r = (struct race) {
		.m = &self->m, .kind = variant->kind, .point = variant->point,
		.marks = true, .steps = true, .file = -1,
		.hinted = variant->armed ? extent_pages() / 2 : 0,
	};
}

FIXTURE_TEARDOWN_PARENT(stepper)
{
	if (have_points())
		point_release(variant->point);
	machine_restore(&self->m);
}

/*
 * Sample only the area: other memory has another policy, and this thread makes
 * no steps as it is in a real-time class.
 */
static const char *step_prepare(struct race *r)
{
	unsigned long both = NODE_MASK(r->m->from) | NODE_MASK(r->m->to);

	if (sched_setscheduler(0, SCHED_FIFO, &(struct sched_param) { 1 }) ||
	    set_task_policy(MPOL_BIND, both) || area_balanced(&r->a, both) ||
	    write_long(BALANCING, 4))
		return "cannot set up the automatic mode";
	return NULL;
}

/* Stop sampling. */
static int step_end(struct race *r)
{
	return write_long(BALANCING, 0);
}

static void step_finish(struct race *r)
{
	step_end(r);
	sched_setscheduler(0, SCHED_OTHER, &(struct sched_param) { });
}

/* A sample is remapped in place; armed and marked pages migrate. */
static int touch_and_look(struct race *r)
{
	long before = area_on(&r->a, r->m->to);
	int err = touch_from_there(r);

	if (!err && have_points() && r->hinted)
		err = area_on(&r->a, r->m->to) > before ? 0 : -EIO;
	return err;
}

TEST_F(stepper, touches_from_another_node_lose_no_write_of_a_cpu_with_old_entries)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.prepare = step_prepare, .run = touch_and_look, .check = step_end,
		.finish = step_finish, .pages = extent_pages(),
		.first = !variant->locked,
	});
}

/* Drop the half that no other thread uses, so that its contents are known. */
static int drop_half(struct race *r)
{
	r->left = r->a.pages / 2;
	return madvise(r->a.base + r->left * page_size(), r->left * page_size(),
		       MADV_DONTNEED) ? -errno : 0;
}

static int half_is_zero(struct race *r)
{
	struct area half = area_part(&r->a, r->left, r->left);

	return step_end(r) ? : area_not_zero(&half) ? -EIO : 0;
}

TEST_F(stepper, dontneed_of_a_part_leaves_zeroes_and_the_rest)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.prepare = step_prepare, .run = drop_half, .check = half_is_zero,
		.finish = step_finish, .pages = extent_pages(),
		.first = !variant->locked,
	});
}

/* This waits until the step is over. */
static int unmap_half(struct race *r)
{
	r->left = r->a.pages / 2;
	return munmap(r->a.base + r->left * page_size(), r->left * page_size()) ?
	       -errno : 0;
}

TEST_F(stepper, munmap_of_a_part_leaves_the_rest)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.prepare = step_prepare, .run = unmap_half, .check = step_end,
		.finish = step_finish, .pages = extent_pages(),
	});
}

#include "lib/main.h"
