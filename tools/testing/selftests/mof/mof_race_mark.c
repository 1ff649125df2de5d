// SPDX-License-Identifier: GPL-2.0
/*
 * Races: a thread that marks is held before it marks, or before it flushes what
 * it has marked, while others use the memory. A CPU that still has an entry in
 * its TLB writes to the page all the time.
 */
#include <sys/mman.h>
#include <sys/wait.h>

#include "mof_auto.h"
#include "mof_race_test.h"

FIXTURE(marker)
{
	struct machine m;
	struct race r;
};

FIXTURE_VARIANT(marker)
{
	enum race_kind kind;
	const char *point;
	bool needs_points;	/* else it is one of the others */
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
	const char *why = machine_setup(&self->m);

	if (!why && !have_lazy())
		why = NO_LAZY;
	if (!why && variant->kind == RACE_THP)
		why = thp_missing();
	if (!why && variant->needs_points && !have_points())
		why = NO_POINTS;
	if (why) {
		machine_restore(&self->m);
		SKIP(return, "%s", why);
	}
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

/* Migrates what is marked; the writer has not noticed yet. */
static int touch_from_there(struct race *r)
{
	int err = run_on(r->m->to);

	area_read(&r->a);
	return err;
}

/* Held before the flush, some of them must have found marks; of a THP, perhaps. */
static int some_are_there(struct race *r)
{
	if (!have_points() || strcmp(r->point, "marked") || r->kind == RACE_THP)
		return 0;
	return area_on(&r->a, r->m->to) > 0 ? 0 : -EIO;
}

TEST_F(marker, touches_from_another_node_lose_no_write_of_a_cpu_with_old_entries)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.run = touch_from_there, .check = some_are_there,
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

/* There and back, under a lock that the marker has for reading. */
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

#include "mof_main.h"
