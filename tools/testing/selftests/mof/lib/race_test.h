/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every race is tested for.
 */
#ifndef _MOF_RACE_TEST_H
#define _MOF_RACE_TEST_H

#include "race.h"
#include "test.h"

/* What holds after each race. */
static void race_check(struct __test_metadata *_metadata, struct race *r)
{
	const struct race_op *op = r->op;
	struct stats d;

	EXPECT_TRUE(r->reached)
		TH_LOG("nobody came by %s", r->point);
	if (!op->may_fail)
		EXPECT_EQ(0, r->err);
	/*
	 * Who marks has mmap_lock for reading. If anybody, also this program's own
	 * libraries, wants it for writing meanwhile, faults wait for that.
	 */
	if (have_points() && op->first && !r->marks)
		EXPECT_TRUE(r->first)
			TH_LOG("it waits for who is held at %s", r->point);
	if (have_points() && r->settled && !op->moves && op->after == RACE_KEEPS)
		EXPECT_EQ(r->m->to, page_node(&r->a, r->page));
	if (op->check)
		EXPECT_EQ(0, op->check(r));
	EXPECT_EQ(0, race_lost(r));
	EXPECT_EQ(0, area_hinted(&r->a));
	ASSERT_EQ(0, stats_since(&r->before, &d));
	EXPECT_EQ(0, stats_unreconciled(&d));
}

static void race_once(struct __test_metadata *_metadata, struct race *r)
{
	ASSERT_EQ(0, stats_read(&r->before));
	if (!r->marks)
		ASSERT_EQ(0, mark(&r->a, MPOL_LOCAL, 0));
	EXPECT_EQ(0, r->marks ? race_run_beside_writer(r) : race_run(r));
	race_check(_metadata, r);
}

/* A touch, or a marker, that is held, and an operation that comes meanwhile. */
static void race_with(struct __test_metadata *_metadata, struct race *r,
		      const struct race_op *op)
{
	const char *why = NULL;

	r->op = op;
	for (r->round = 0; r->round < race_rounds() && !why; r->round++) {
		ASSERT_EQ(0, race_area(r));
		if (op->prepare)
			why = op->prepare(r);
		if (!why)
			race_once(_metadata, r);
		if (op->finish)
			op->finish(r);
		area_free(&r->a);
	}
	if (why)
		SKIP_UNLESS_FAILED(return, "%s", why);
}

#endif /* _MOF_RACE_TEST_H */
