// SPDX-License-Identifier: GPL-2.0
/*
 * MPOL_MF_LAZY as a flag of mbind(2): its presence, errors, and that an error
 * changes neither policy nor pages.
 */
#include "lib/test.h"

#define NOBODY	65534

/* Where the kernel should have the flag, its absence must fail, not skip. */
TEST(the_flag_is_there_or_expected_absent)
{
	EXPECT_EQ(!lazy_expected_absent(), have_lazy());
}

TEST(the_counters_are_there_or_expected_absent)
{
	int expected = lazy_expected_absent() ? 0 : NR_MOF_STATS;

	EXPECT_EQ(expected, count_mof_names("/proc/vmstat"));
}

TEST_F(stock, the_flag_marks_or_is_refused)
{
	bool absent = lazy_expected_absent();

	EXPECT_EQ(absent ? -EINVAL : 0, mark(&self->a, MPOL_DEFAULT, 0));
	EXPECT_EQ(absent ? -EINVAL : 0, area_mbind(&self->a, MPOL_LOCAL, 0,
						   MOF_LAZY_MOVE_ALL));
	EXPECT_EQ(!absent, numa_maps_say_hinted());
	EXPECT_EQ(absent ? 0 : AREA_PAGES, area_hinted(&self->a));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.from));
	EXPECT_EQ(0, area_bad(&self->a));
}

/*
 * Errors. Each variant is a call that fails, on an area that is bound to the
 * node of its pages.
 */
enum error_nodes { NODES_NONE, NODES_TO, NODES_UNKNOWN, NODES_BAD_ADDRESS };

FIXTURE(error)
{
	struct machine m;
	struct area a;
	struct stats before;
	struct stats d;
};

FIXTURE_VARIANT(error)
{
	int mode;
	enum error_nodes nodes;
	unsigned int flags;
	long offset;		/* added to the start */
	unsigned long length;	/* 0: length of the area */
	bool hole;		/* unmap a page in the middle first */
	bool unprivileged;
	int expected;
};

FIXTURE_VARIANT_ADD(error, lazy_alone) {
	.mode = MPOL_BIND, .nodes = NODES_TO, .flags = MPOL_MF_LAZY,
	.expected = -EINVAL,
};

FIXTURE_VARIANT_ADD(error, lazy_with_strict_only) {
	.mode = MPOL_BIND, .nodes = NODES_TO, .flags = MPOL_MF_LAZY | MPOL_MF_STRICT,
	.expected = -EINVAL,
};

FIXTURE_VARIANT_ADD(error, lazy_alone_with_default_policy) {
	.mode = MPOL_DEFAULT, .flags = MPOL_MF_LAZY,
	.expected = -EINVAL,
};

FIXTURE_VARIANT_ADD(error, unknown_flag) {
	.mode = MPOL_BIND, .nodes = NODES_TO, .flags = MOF_LAZY_MOVE | 0x10,
	.expected = -EINVAL,
};

FIXTURE_VARIANT_ADD(error, internal_flag) {
	.mode = MPOL_BIND, .nodes = NODES_TO, .flags = MOF_LAZY_MOVE | 0x40,
	.expected = -EINVAL,
};

FIXTURE_VARIANT_ADD(error, move_all_without_capability) {
	.mode = MPOL_BIND, .nodes = NODES_TO, .flags = MOF_LAZY_MOVE_ALL,
	.unprivileged = true, .expected = -EPERM,
};

FIXTURE_VARIANT_ADD(error, unaligned_start) {
	.mode = MPOL_BIND, .nodes = NODES_TO, .flags = MOF_LAZY_MOVE, .offset = 8,
	.expected = -EINVAL,
};

FIXTURE_VARIANT_ADD(error, length_overflows) {
	.mode = MPOL_BIND, .nodes = NODES_TO, .flags = MOF_LAZY_MOVE,
	.length = -65536UL, .expected = -EINVAL,
};

FIXTURE_VARIANT_ADD(error, hole_in_the_middle) {
	.mode = MPOL_BIND, .nodes = NODES_TO, .flags = MOF_LAZY_MOVE, .hole = true,
	.expected = -EFAULT,
};

FIXTURE_VARIANT_ADD(error, hole_under_local_policy) {
	.mode = MPOL_LOCAL, .flags = MOF_LAZY_MOVE, .hole = true,
	.expected = -EFAULT,
};

FIXTURE_VARIANT_ADD(error, unknown_mode) {
	.mode = 42, .nodes = NODES_TO, .flags = MOF_LAZY_MOVE,
	.expected = -EINVAL,
};

FIXTURE_VARIANT_ADD(error, bind_without_nodes) {
	.mode = MPOL_BIND, .nodes = NODES_NONE, .flags = MOF_LAZY_MOVE,
	.expected = -EINVAL,
};

FIXTURE_VARIANT_ADD(error, interleave_without_nodes) {
	.mode = MPOL_INTERLEAVE, .nodes = NODES_NONE, .flags = MOF_LAZY_MOVE,
	.expected = -EINVAL,
};

FIXTURE_VARIANT_ADD(error, default_with_nodes) {
	.mode = MPOL_DEFAULT, .nodes = NODES_TO, .flags = MOF_LAZY_MOVE,
	.expected = -EINVAL,
};

FIXTURE_VARIANT_ADD(error, local_with_nodes) {
	.mode = MPOL_LOCAL, .nodes = NODES_TO, .flags = MOF_LAZY_MOVE,
	.expected = -EINVAL,
};

FIXTURE_VARIANT_ADD(error, node_that_does_not_exist) {
	.mode = MPOL_BIND, .nodes = NODES_UNKNOWN, .flags = MOF_LAZY_MOVE,
	.expected = -EINVAL,
};

FIXTURE_VARIANT_ADD(error, nodemask_at_a_bad_address) {
	.mode = MPOL_BIND, .nodes = NODES_BAD_ADDRESS, .flags = MOF_LAZY_MOVE,
	.expected = -EFAULT,
};

FIXTURE_SETUP(error)
{
	SKIP_SETUP(return, &self->m, machine_setup_lazy(&self->m));
	ASSERT_EQ(0, run_on(self->m.from));
	ASSERT_EQ(0, area_new(&self->a, AREA_PAGES, self->m.from));
	ASSERT_EQ(0, area_mbind(&self->a, MPOL_BIND, NODE_MASK(self->m.from), 0));
}

FIXTURE_TEARDOWN_PARENT(error)
{
	machine_restore(&self->m);
}

static int failing_call(const struct _fixture_variant_error *v,
			const struct area *a, int to)
{
	unsigned long length = v->length ?: (unsigned long)area_bytes(a);
	unsigned long maxnode = v->nodes == NODES_NONE ? 0 : MAX_NODE;
	unsigned long mask = NODE_MASK(to);
	void *nodes = &mask;

	if (v->nodes == NODES_NONE)
		nodes = NULL;
	else if (v->nodes == NODES_UNKNOWN)
		mask = 1UL << 63;
	else if (v->nodes == NODES_BAD_ADDRESS)
		nodes = a->base - 8;	/* guard page of the area */
	return mbind(a->base + v->offset, length, v->mode, nodes, maxnode,
		     v->flags) ? -errno : 0;
}

TEST_F(error, is_returned_and_changes_neither_policy_nor_pages)
{
	struct area first = area_part(&self->a, 0, AREA_PAGES / 2);
	unsigned long nodes;
	int mode;

	if (variant->hole)
		ASSERT_EQ(0, munmap(self->a.base + area_bytes(&first), page_size()));
	if (variant->unprivileged)
		ASSERT_EQ(0, seteuid(NOBODY));
	ASSERT_EQ(0, stats_read(&self->before));
	EXPECT_EQ(variant->expected, failing_call(variant, &self->a, self->m.to));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	if (variant->unprivileged)
		ASSERT_EQ(0, seteuid(0));

	EXPECT_EQ(0, self->d.v[MOF_MARKED]);
	EXPECT_EQ(0, area_hinted(&self->a));
	ASSERT_EQ(0, area_policy(&self->a, &mode, &nodes));
	EXPECT_EQ(MPOL_BIND, mode);
	EXPECT_EQ(NODE_MASK(self->m.from), nodes);
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&first);
	EXPECT_EQ(first.pages, area_on(&first, self->m.from));
	EXPECT_EQ(0, area_bad(&first));
}

TEST_F(lazy, an_empty_range_is_no_error)
{
	struct area none = area_part(&self->a, 0, 0);

	EXPECT_EQ(0, mark(&none, MPOL_BIND, NODE_MASK(self->m.to)));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, self->d.v[MOF_MARKED]);
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, a_length_is_rounded_up_to_whole_pages)
{
	unsigned long nodes = NODE_MASK(self->m.to);

	ASSERT_EQ(0, mbind(self->a.base, page_size() + 1, MPOL_BIND, &nodes, MAX_NODE,
			   MOF_LAZY_MOVE));
	EXPECT_EQ(2, area_hinted(&self->a));
	EXPECT_EQ(0, area_bad(&self->a));
}

/* MPOL_DEFAULT has always allowed holes. */
TEST_F(lazy, default_policy_allows_holes)
{
	struct area first = area_part(&self->a, 0, AREA_PAGES / 2);
	struct area last = area_part(&self->a, AREA_PAGES / 2 + 1, AREA_PAGES / 2 - 1);

	ASSERT_EQ(0, munmap(self->a.base + area_bytes(&first), page_size()));
	ASSERT_EQ(0, mark(&self->a, MPOL_DEFAULT, 0));
	EXPECT_EQ(AREA_PAGES - 1, area_hinted(&self->a));
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&first);
	area_read(&last);
	EXPECT_EQ(first.pages, area_on(&first, self->m.to));
	EXPECT_EQ(last.pages, area_on(&last, self->m.to));
	EXPECT_EQ(0, area_bad(&first));
	EXPECT_EQ(0, area_bad(&last));
}

TEST_F(lazy, move_without_capability_is_allowed)
{
	ASSERT_EQ(0, seteuid(NOBODY));
	EXPECT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	ASSERT_EQ(0, seteuid(0));
	area_read(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, move_all_with_capability_is_allowed)
{
	EXPECT_EQ(0, area_mbind(&self->a, MPOL_BIND, NODE_MASK(self->m.to),
				MOF_LAZY_MOVE_ALL));
	area_read(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, the_policy_is_installed_and_stays)
{
	unsigned long nodes;
	int mode;

	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	ASSERT_EQ(AREA_PAGES, area_hinted(&self->a));
	area_read(&self->a);
	ASSERT_EQ(0, area_policy(&self->a, &mode, &nodes));
	EXPECT_EQ(MPOL_BIND, mode);
	EXPECT_EQ(NODE_MASK(self->m.to), nodes);
	EXPECT_EQ(0, area_bad(&self->a));
}

/* No page is misplaced, or all could be marked: no EIO. */
TEST_F(lazy, strict_succeeds_if_all_misplaced_pages_are_marked)
{
	EXPECT_EQ(0, area_mbind(&self->a, MPOL_BIND, NODE_MASK(self->m.from),
				MOF_LAZY_MOVE | MPOL_MF_STRICT));
	EXPECT_EQ(0, area_hinted(&self->a));
	EXPECT_EQ(0, area_mbind(&self->a, MPOL_BIND, NODE_MASK(self->m.to),
				MOF_LAZY_MOVE | MPOL_MF_STRICT));
	EXPECT_EQ(AREA_PAGES, area_hinted(&self->a));
	area_read(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

#include "lib/main.h"
