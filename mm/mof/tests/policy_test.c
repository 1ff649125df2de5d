// SPDX-License-Identifier: GPL-2.0
/*
 * Migrate-on-fault: each row of the table of mof_target_node() against sets of
 * nodes, cpusets, and nodes without memory.
 */
#include <kunit/test.h>
#include <linux/mempolicy.h>
#include <linux/sizes.h>

#include "../mof.h"

#define STAY		NUMA_NO_NODE

/*
 * Four nodes in a row, 0 - 1 - 2 - 3: the further apart, the more distant.
 */
static int row_distance(int from, int to)
{
	return LOCAL_DISTANCE + 10 * abs(from - to);
}

/* Sets of nodes are written in binary, node 0 being the lowest bit. */
struct policy_case {
	const char *name;
	unsigned short mode;
	unsigned long nodes;
	unsigned long allowed;
	unsigned long memory;
	int cpu_nid;
	int page_nid;
	int interleave_nid;
	int expect;
	int home;		/* home node + 1, 0 if there is none */
};

static const struct policy_case policy_cases[] = {
	{ "default follows the faulting node",
	  MPOL_DEFAULT, 0, 0b1111, 0b1111, 2, 0, STAY, 2 },
	{ "default: in place",
	  MPOL_DEFAULT, 0, 0b1111, 0b1111, 2, 2, STAY, STAY },
	{ "local follows the faulting node",
	  MPOL_LOCAL, 0, 0b1111, 0b1111, 3, 1, STAY, 3 },
	{ "local: in place",
	  MPOL_LOCAL, 0, 0b1111, 0b1111, 1, 1, STAY, STAY },
	{ "local: cpuset without the faulting node keeps an allowed page",
	  MPOL_LOCAL, 0, 0b0011, 0b1111, 3, 0, STAY, STAY },
	{ "local: cpuset without both takes the nearest allowed",
	  MPOL_LOCAL, 0, 0b0011, 0b1111, 3, 2, STAY, 1 },
	{ "local: cpuset of the faulting node only",
	  MPOL_LOCAL, 0, 0b1000, 0b1111, 3, 2, STAY, 3 },
	{ "local: faulting node without memory takes the nearest with some",
	  MPOL_LOCAL, 0, 0b1111, 0b1001, 1, 3, STAY, 0 },
	{ "local: faulting node without memory, page on an equally near node stays",
	  MPOL_LOCAL, 0, 0b1111, 0b0101, 1, 2, STAY, STAY },
	{ "local: faulting node without memory, equally near nodes: the lowest",
	  MPOL_LOCAL, 0, 0b1111, 0b1101, 1, 3, STAY, 0 },
	{ "local: faulting node without memory, its neighbour not allowed",
	  MPOL_LOCAL, 0, 0b1000, 0b1001, 1, 0, STAY, 3 },

	{ "preferred: that node, whoever touches",
	  MPOL_PREFERRED, 0b0010, 0b1111, 0b1111, 3, 0, STAY, 1 },
	{ "preferred: in place, whoever touches",
	  MPOL_PREFERRED, 0b0010, 0b1111, 0b1111, 3, 1, STAY, STAY },
	{ "preferred: not allowed, page stays",
	  MPOL_PREFERRED, 0b0010, 0b1001, 0b1111, 3, 0, STAY, STAY },
	{ "preferred: neither allowed, nearest to the faulting node",
	  MPOL_PREFERRED, 0b0010, 0b1001, 0b1111, 2, 2, STAY, 3 },
	{ "preferred: without memory, page stays",
	  MPOL_PREFERRED, 0b0010, 0b1111, 0b1101, 3, 0, STAY, STAY },

	{ "bind: faulting node in the mask",
	  MPOL_BIND, 0b0110, 0b1111, 0b1111, 2, 0, STAY, 2 },
	{ "bind: faulting node in the mask, page in the mask, too",
	  MPOL_BIND, 0b0110, 0b1111, 0b1111, 2, 1, STAY, 2 },
	{ "bind: faulting node outside, page in the mask stays",
	  MPOL_BIND, 0b0110, 0b1111, 0b1111, 3, 1, STAY, STAY },
	{ "bind: both outside, nearest of the mask",
	  MPOL_BIND, 0b0110, 0b1111, 0b1111, 3, 0, STAY, 2 },
	{ "bind: one node, from anywhere",
	  MPOL_BIND, 0b0001, 0b1111, 0b1111, 3, 2, STAY, 0 },
	{ "bind: cpuset cuts the faulting node out of the mask",
	  MPOL_BIND, 0b0110, 0b0011, 0b1111, 2, 0, STAY, 1 },
	{ "bind: cpuset cuts the faulting node out, page stays",
	  MPOL_BIND, 0b0110, 0b0011, 0b1111, 2, 1, STAY, STAY },
	{ "bind: cpuset without any node of the mask, page allowed",
	  MPOL_BIND, 0b0110, 0b1001, 0b1111, 2, 0, STAY, STAY },
	{ "bind: cpuset without any node of the mask, page not allowed",
	  MPOL_BIND, 0b0110, 0b1001, 0b1111, 2, 1, STAY, 3 },
	{ "bind: faulting node without memory counts as its nearest node",
	  MPOL_BIND, 0b1001, 0b1111, 0b1001, 1, 3, STAY, 0 },
	{ "bind: a home node takes the page from the faulting node",
	  MPOL_BIND, 0b0011, 0b1111, 0b1111, 1, 1, STAY, 0, 0 + 1 },
	{ "bind: on the home node, whoever touches",
	  MPOL_BIND, 0b0011, 0b1111, 0b1111, 1, 0, STAY, STAY, 0 + 1 },
	{ "bind: home node outside the mask, nearest of the mask to it",
	  MPOL_BIND, 0b1001, 0b1111, 0b1111, 0, 0, STAY, 3, 2 + 1 },
	{ "bind: home node without memory, equally near nodes: the page's own",
	  MPOL_BIND, 0b1010, 0b1111, 0b1010, 1, 3, STAY, STAY, 2 + 1 },
	{ "bind: cpuset cuts the home node out of the mask",
	  MPOL_BIND, 0b0110, 0b0100, 0b1111, 2, 0, STAY, 2, 1 + 1 },

	{ "preferred-many: faulting node in the mask",
	  MPOL_PREFERRED_MANY, 0b1010, 0b1111, 0b1111, 3, 0, STAY, 3 },
	{ "preferred-many: faulting node outside, page in the mask stays",
	  MPOL_PREFERRED_MANY, 0b1010, 0b1111, 0b1111, 2, 3, STAY, STAY },
	{ "preferred-many: both outside, nearest of the mask",
	  MPOL_PREFERRED_MANY, 0b1010, 0b1111, 0b1111, 0, 2, STAY, 1 },
	{ "preferred-many: cpuset cuts the mask",
	  MPOL_PREFERRED_MANY, 0b1010, 0b0111, 0b1111, 3, 0, STAY, 1 },
	{ "preferred-many: a home node takes the page from the faulting node",
	  MPOL_PREFERRED_MANY, 0b1010, 0b1111, 0b1111, 3, 3, STAY, 1, 1 + 1 },
	{ "preferred-many: on the home node, whoever touches",
	  MPOL_PREFERRED_MANY, 0b1010, 0b1111, 0b1111, 3, 1, STAY, STAY, 1 + 1 },

	{ "interleave: the offset's node, whoever touches",
	  MPOL_INTERLEAVE, 0b1111, 0b1111, 0b1111, 0, 1, 3, 3 },
	{ "interleave: in place, whoever touches",
	  MPOL_INTERLEAVE, 0b1111, 0b1111, 0b1111, 0, 3, 3, STAY },
	{ "interleave: not allowed, page stays",
	  MPOL_INTERLEAVE, 0b1111, 0b0011, 0b1111, 0, 1, 3, STAY },
	{ "interleave: neither allowed, nearest to the faulting node",
	  MPOL_INTERLEAVE, 0b1111, 0b0011, 0b1111, 2, 2, 3, 1 },
	{ "weighted interleave: the offset's node, whoever touches",
	  MPOL_WEIGHTED_INTERLEAVE, 0b0101, 0b1111, 0b1111, 1, 1, 2, 2 },
	{ "weighted interleave: in place, whoever touches",
	  MPOL_WEIGHTED_INTERLEAVE, 0b0101, 0b1111, 0b1111, 1, 2, 2, STAY },
};

static void policy_case_name(const struct policy_case *c, char *name)
{
	strscpy(name, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(policy, policy_cases, policy_case_name);

static nodemask_t mask_of(unsigned long bits)
{
	nodemask_t mask = NODE_MASK_NONE;
	int nid;

	for (nid = 0; nid < 4; nid++)
		if (bits & BIT(nid))
			node_set(nid, mask);
	return mask;
}

static int ask(const struct policy_case *c)
{
	nodemask_t nodes = mask_of(c->nodes);
	nodemask_t allowed = mask_of(c->allowed);
	nodemask_t memory = mask_of(c->memory);
	struct mof_query q = {
		.mode = c->mode,
		.nodes = &nodes,
		.allowed = &allowed,
		.memory = &memory,
		.cpu_nid = c->cpu_nid,
		.page_nid = c->page_nid,
		.home_nid = c->home - 1,
		.interleave_nid = c->interleave_nid,
		.distance = row_distance,
	};

	return mof_target_node(&q);
}

static void each_row_of_the_table(struct kunit *test)
{
	const struct policy_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, ask(c), c->expect);
}

static const unsigned short modes[] = {
	MPOL_DEFAULT, MPOL_LOCAL, MPOL_PREFERRED, MPOL_BIND,
	MPOL_PREFERRED_MANY, MPOL_INTERLEAVE, MPOL_WEIGHTED_INTERLEAVE,
};

/*
 * For every mode, mask, cpuset, set of nodes with memory, faulting node and page:
 * the target is allowed, has memory, and is never the node of the page; once moved
 * there, the page stays.
 */
static void check_invariants(struct kunit *test, struct policy_case *c)
{
	int nid = ask(c);

	if (nid == STAY) {
		/* A page outside the cpuset only stays if nothing is allowed */
		KUNIT_ASSERT_TRUE(test, c->allowed & BIT(c->page_nid));
		return;
	}
	KUNIT_ASSERT_NE(test, nid, c->page_nid);
	KUNIT_ASSERT_TRUE(test, c->allowed & c->memory & BIT(nid));
	c->page_nid = nid;
	KUNIT_ASSERT_EQ(test, ask(c), STAY);
}

static void check_all_nodes(struct kunit *test, const struct policy_case *c)
{
	int page, touch;

	for (page = 0; page < 4; page++) {
		if (!(c->memory & BIT(page)))
			continue;
		for (touch = 0; touch < 4; touch++) {
			struct policy_case asked = *c;

			asked.cpu_nid = touch;
			asked.interleave_nid = __ffs(c->nodes);
			for (asked.home = 0; asked.home <= 4; asked.home++) {
				asked.page_nid = page;
				check_invariants(test, &asked);
			}
		}
	}
}

static void target_is_allowed_and_settles(struct kunit *test)
{
	struct policy_case c = {};
	int i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		c.mode = modes[i];
		for (c.nodes = 1; c.nodes < 16; c.nodes++)
			for (c.allowed = 1; c.allowed < 16; c.allowed++)
				for (c.memory = 1; c.memory < 16; c.memory++)
					if (c.allowed & c.memory)
						check_all_nodes(test, &c);
	}
}

static void only_some_policies_follow_the_faulting_node(struct kunit *test)
{
	nodemask_t one = mask_of(0b0100), two = mask_of(0b0110);

	KUNIT_EXPECT_TRUE(test, mof_mode_varies(MPOL_DEFAULT, &one, NUMA_NO_NODE));
	KUNIT_EXPECT_TRUE(test, mof_mode_varies(MPOL_LOCAL, &one, NUMA_NO_NODE));
	KUNIT_EXPECT_TRUE(test, mof_mode_varies(MPOL_BIND, &two, NUMA_NO_NODE));
	KUNIT_EXPECT_TRUE(test, mof_mode_varies(MPOL_PREFERRED_MANY, &two, NUMA_NO_NODE));
	KUNIT_EXPECT_FALSE(test, mof_mode_varies(MPOL_BIND, &one, NUMA_NO_NODE));
	KUNIT_EXPECT_FALSE(test, mof_mode_varies(MPOL_BIND, &two, 1));
	KUNIT_EXPECT_FALSE(test, mof_mode_varies(MPOL_PREFERRED_MANY, &two, 1));
	KUNIT_EXPECT_FALSE(test, mof_mode_varies(MPOL_PREFERRED_MANY, &one, NUMA_NO_NODE));
	KUNIT_EXPECT_FALSE(test, mof_mode_varies(MPOL_PREFERRED, &one, NUMA_NO_NODE));
	KUNIT_EXPECT_FALSE(test, mof_mode_varies(MPOL_INTERLEAVE, &two, NUMA_NO_NODE));
	KUNIT_EXPECT_FALSE(test,
			   mof_mode_varies(MPOL_WEIGHTED_INTERLEAVE, &two, NUMA_NO_NODE));
}

/* From one page at random to all that is allowed, in steps of a 32nd. */
static void window_grows_with_the_run(struct kunit *test)
{
	unsigned int done = 0, faults;

	KUNIT_EXPECT_EQ(test, mof_window_pages(0, 48), 1);
	KUNIT_EXPECT_EQ(test, mof_window_pages(63, 48), 1);
	KUNIT_EXPECT_EQ(test, mof_window_pages(64, 48), 2);
	KUNIT_EXPECT_EQ(test, mof_window_pages(32 * 48 - 1, 48), 47);
	KUNIT_EXPECT_EQ(test, mof_window_pages(32 * 48, 48), 48);
	KUNIT_EXPECT_EQ(test, mof_window_pages(32 * 512, 512), 512);
	KUNIT_EXPECT_EQ(test, mof_window_pages(32 * 512, 1), 1);
	/* 64 MiB: 64 single pages, 122 faults to full windows, and full windows. */
	for (faults = 0; done < SZ_64M / SZ_4K; faults++)
		done += mof_window_pages(done, 48);
	KUNIT_EXPECT_LE(test, faults, 64 + 125 + (SZ_64M / SZ_4K - 48 * 32) / 48);
}

/* Whatever the size of an object, a sweep of it takes less than 1/32 beyond. */
static void window_takes_little_of_the_next_object(struct kunit *test)
{
	unsigned int size, done;

	for (size = 1; size < 8192; size++) {
		for (done = 0; done < size; )
			done += mof_window_pages(done, 48);
		KUNIT_ASSERT_LT(test, (done - size) * MOF_WINDOW_SHARE, size);
	}
}

/* The tokens are told from a page without history and from each other. */
static void tokens_are_none_of_the_others(struct kunit *test)
{
	const int unset = -1 & LAST_CPUPID_MASK;
	const int move = mof_token(MOF_TOKEN_MOVE);
	const int move_all = mof_token(MOF_TOKEN_MOVE_ALL);
	const int sample = mof_token(MOF_TOKEN_SAMPLE);
	int token;

	KUNIT_EXPECT_TRUE(test, mof_is_token(move));
	KUNIT_EXPECT_TRUE(test, mof_is_token(move_all));
	KUNIT_EXPECT_FALSE(test, mof_is_token(sample));
	KUNIT_EXPECT_FALSE(test, mof_is_token(unset));
	KUNIT_EXPECT_FALSE(test, mof_is_token(cpu_pid_to_cpupid(0, 1)));
	KUNIT_EXPECT_TRUE(test, mof_is_sample(sample));
	KUNIT_EXPECT_FALSE(test, mof_is_sample(move));
	KUNIT_EXPECT_FALSE(test, mof_is_sample(move_all));
	KUNIT_EXPECT_FALSE(test, mof_is_sample(unset));
	KUNIT_EXPECT_NE(test, move, move_all);
	/* The scheduler's own code must take them for "no pid recorded". */
	for (token = MOF_TOKEN_MOVE; token <= MOF_TOKEN_SAMPLE; token++)
		KUNIT_EXPECT_TRUE(test, cpupid_pid_unset(mof_token(token)));
}

/* A mark that was left for one more touch keeps its rights. */
static void tokens_of_one_more_touch_keep_their_rights(struct kunit *test)
{
	const int move = mof_token(MOF_TOKEN_MOVE_AGAIN);
	const int move_all = mof_token(MOF_TOKEN_MOVE_ALL_AGAIN);

	KUNIT_EXPECT_TRUE(test, mof_is_token(move) && mof_is_again(move));
	KUNIT_EXPECT_TRUE(test, mof_is_token(move_all) && mof_is_again(move_all));
	KUNIT_EXPECT_FALSE(test, mof_moves_shared(move));
	KUNIT_EXPECT_TRUE(test, mof_moves_shared(move_all));
	KUNIT_EXPECT_FALSE(test, mof_is_again(mof_token(MOF_TOKEN_MOVE)));
	KUNIT_EXPECT_FALSE(test, mof_is_again(mof_token(MOF_TOKEN_MOVE_ALL)));
	KUNIT_EXPECT_FALSE(test, mof_is_sample(move) || mof_is_sample(move_all));
}

static struct kunit_case policy_test_cases[] = {
	KUNIT_CASE_PARAM(each_row_of_the_table, policy_gen_params),
	KUNIT_CASE(target_is_allowed_and_settles),
	KUNIT_CASE(only_some_policies_follow_the_faulting_node),
	KUNIT_CASE(window_grows_with_the_run),
	KUNIT_CASE(window_takes_little_of_the_next_object),
	KUNIT_CASE(tokens_are_none_of_the_others),
	KUNIT_CASE(tokens_of_one_more_touch_keep_their_rights),
	{}
};

static struct kunit_suite policy_test_suite = {
	.name = "mof_policy",
	.test_cases = policy_test_cases,
};

kunit_test_suite(policy_test_suite);
