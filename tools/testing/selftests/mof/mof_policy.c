// SPDX-License-Identifier: GPL-2.0
/*
 * The target of the next touch: one test per row of the table in
 * Documentation/admin-guide/mm/mof.rst.
 */
#include <pthread.h>
#include <sys/syscall.h>

#include "lib/point.h"
#include "lib/test.h"

#ifndef __NR_set_mempolicy_home_node
#define __NR_set_mempolicy_home_node	450
#endif

#define WEIGHT	"/sys/kernel/mm/mempolicy/weighted_interleave/node%d"

/* Mark under a policy, and touch from @node. The caller checks contents. */
static long mark_and_touch(const struct area *a, int mode, unsigned long nodes,
			   int node)
{
	long err = mark(a, mode, nodes);

	if (!err)
		err = run_on(node);
	if (!err)
		area_read(a);
	return err;
}

TEST_F(lazy, default_policy_goes_to_the_faulting_node)
{
	ASSERT_EQ(0, mark_and_touch(&self->a, MPOL_DEFAULT, 0, self->m.to));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, local_goes_to_the_faulting_node)
{
	ASSERT_EQ(0, mark_and_touch(&self->a, MPOL_LOCAL, 0, self->m.to));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, preferred_without_nodes_goes_to_the_faulting_node)
{
	ASSERT_EQ(0, mark_and_touch(&self->a, MPOL_PREFERRED, 0, self->m.to));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, local_touched_locally_stays_and_is_counted_local)
{
	ASSERT_EQ(0, mark_and_touch(&self->a, MPOL_LOCAL, 0, self->m.from));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.from));
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_LOCAL]);
	EXPECT_EQ(0, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, each_page_goes_to_its_own_faulting_node)
{
	long i;

	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	for (i = 0; i < AREA_PAGES; i += 2)
		page_read(&self->a, i);
	ASSERT_EQ(0, run_on(self->m.to));
	for (i = 1; i < AREA_PAGES; i += 2)
		page_read(&self->a, i);
	for (i = 0; i < AREA_PAGES; i++)
		EXPECT_EQ(i % 2 ? self->m.to : self->m.from, page_node(&self->a, i));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, preferred_node_is_the_target_whoever_touches)
{
	ASSERT_EQ(0, mark_and_touch(&self->a, MPOL_PREFERRED, NODE_MASK(self->m.to),
				    self->m.from));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, preferred_node_in_place_is_not_marked)
{
	ASSERT_EQ(0, mark_and_touch(&self->a, MPOL_PREFERRED, NODE_MASK(self->m.from),
				    self->m.to));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, self->d.v[MOF_MARKED]);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.from));
	EXPECT_EQ(0, area_bad(&self->a));
}

/* MPOL_BIND and MPOL_PREFERRED_MANY choose the same target. */
FIXTURE(mask)
{
	struct machine m;
	struct area a;
	struct stats before;
	struct stats d;
};

FIXTURE_VARIANT(mask)
{
	int mode;
};

FIXTURE_VARIANT_ADD(mask, bind) {
	.mode = MPOL_BIND,
};

FIXTURE_VARIANT_ADD(mask, bind_static_nodes) {
	.mode = MPOL_BIND | 0x8000,	/* MPOL_F_STATIC_NODES */
};

FIXTURE_VARIANT_ADD(mask, preferred_many) {
	.mode = MPOL_PREFERRED_MANY,
};

FIXTURE_SETUP(mask)
{
	SKIP_SETUP(return, &self->m, machine_setup_lazy(&self->m));
	ASSERT_EQ(0, area_begin(&self->a, AREA_PAGES, &self->m, &self->before));
}

FIXTURE_TEARDOWN_PARENT(mask)
{
	if (have_points())
		point_release("mbind");
	machine_restore(&self->m);
}

TEST_F(mask, single_node_is_the_target_whoever_touches)
{
	ASSERT_EQ(0, mark_and_touch(&self->a, variant->mode, NODE_MASK(self->m.to),
				    self->m.from));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(mask, single_node_in_place_is_not_marked)
{
	ASSERT_EQ(0, mark_and_touch(&self->a, variant->mode, NODE_MASK(self->m.from),
				    self->m.to));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, self->d.v[MOF_MARKED]);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.from));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(mask, faulting_node_in_the_mask_is_the_target)
{
	unsigned long nodes = NODE_MASK(self->m.from) | NODE_MASK(self->m.to);

	ASSERT_EQ(0, mark_and_touch(&self->a, variant->mode, nodes, self->m.to));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(mask, page_in_the_mask_stays_if_the_faulting_node_is_not)
{
	unsigned long nodes;

	if (self->m.third == NO_NODE)
		SKIP(return, "needs three nodes with memory");
	nodes = NODE_MASK(self->m.from) | NODE_MASK(self->m.third);
	ASSERT_EQ(0, mark_and_touch(&self->a, variant->mode, nodes, self->m.to));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_MARKED]);
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_LOCAL]);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.from));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(mask, page_outside_goes_into_the_mask_if_the_faulting_node_is_outside)
{
	unsigned long nodes;
	int nid;

	if (self->m.third == NO_NODE)
		SKIP(return, "needs three nodes with memory");
	nodes = NODE_MASK(self->m.to) | NODE_MASK(self->m.third);
	ASSERT_EQ(0, mark_and_touch(&self->a, variant->mode, nodes, self->m.from));
	nid = page_node(&self->a, 0);
	EXPECT_TRUE(is_nearest(self->m.from, nid, nodes));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, nid));
	EXPECT_EQ(0, area_bad(&self->a));
}

/* With a home node, the target does not depend on the touching task. */

#define NO_HOME_NODES	"kernel without set_mempolicy_home_node(2)"

/* Give the area's policy a home node. */
static long area_home_node(const struct area *a, int node)
{
	if (syscall(__NR_set_mempolicy_home_node, (unsigned long)a->base,
		    (unsigned long)area_bytes(a), (unsigned long)node, 0UL))
		return -errno;
	return 0;
}

/* Install a policy for both nodes with home node m->from. */
static long install_home_node(const struct area *a, int mode, const struct machine *m)
{
	long err = area_mbind(a, mode, NODE_MASK(m->from) | NODE_MASK(m->to), 0);

	return err ? : area_home_node(a, m->from);
}

/* An empty range changes nothing. */
static bool have_home_nodes(int node)
{
	struct area none = { };

	return !area_home_node(&none, node);
}

TEST_F(mask, new_pages_are_on_the_home_node)
{
	struct area new;

	if (!have_home_nodes(self->m.from))
		SKIP(return, NO_HOME_NODES);
	ASSERT_EQ(0, area_map(&new, AREA_PAGES));
	ASSERT_EQ(0, install_home_node(&new, variant->mode, &self->m));
	ASSERT_EQ(0, run_on(self->m.to));
	area_fill(&new);
	EXPECT_EQ(AREA_PAGES, area_on(&new, self->m.from));
	EXPECT_EQ(0, area_bad(&new));
}

/* Mark first: mbind(2) installs a policy without a home node. */
TEST_F(mask, page_on_the_home_node_stays_whoever_touches)
{
	if (!have_home_nodes(self->m.from))
		SKIP(return, NO_HOME_NODES);
	ASSERT_EQ(0, mark(&self->a, MPOL_DEFAULT, 0));
	ASSERT_EQ(0, install_home_node(&self->a, variant->mode, &self->m));
	ASSERT_EQ(AREA_PAGES, area_hinted(&self->a));
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&self->a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.from));
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_LOCAL]);
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(mask, page_elsewhere_goes_to_the_home_node_whoever_touches)
{
	if (!have_home_nodes(self->m.from))
		SKIP(return, NO_HOME_NODES);
	ASSERT_EQ(0, area_place(&self->a, self->m.to));
	ASSERT_EQ(0, mark(&self->a, MPOL_DEFAULT, 0));
	ASSERT_EQ(0, install_home_node(&self->a, variant->mode, &self->m));
	ASSERT_EQ(AREA_PAGES, area_hinted(&self->a));
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&self->a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.from));
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, area_bad(&self->a));
}

struct marker {
	const struct area *a;
	int mode;
	unsigned long nodes;
	long err;
};

static void *mark_area(void *arg)
{
	struct marker *t = arg;

	t->err = mark(t->a, t->mode, t->nodes);
	return NULL;
}

/*
 * mbind(2) installs a policy without a home node. Hold it between that and
 * marking, so that this thread can set one.
 */
TEST_F(mask, only_pages_elsewhere_than_on_the_home_node_are_marked)
{
	struct area first = area_part(&self->a, 0, AREA_PAGES / 2);
	struct marker t = {
		.a = &self->a, .mode = variant->mode,
		.nodes = NODE_MASK(self->m.from) | NODE_MASK(self->m.to),
	};
	pthread_t thread;

	if (!have_points())
		SKIP(return, NO_POINTS);
	if (!have_home_nodes(self->m.from))
		SKIP(return, NO_HOME_NODES);
	ASSERT_EQ(first.pages, area_move(&first, self->m.to));
	drain_lru();
	ASSERT_EQ(0, stats_read(&self->before));
	ASSERT_EQ(0, point_hold("mbind", getpid(), 1));
	ASSERT_EQ(0, pthread_create(&thread, NULL, mark_area, &t));
	EXPECT_TRUE(point_reached("mbind"));
	EXPECT_EQ(0, area_home_node(&self->a, self->m.from));
	EXPECT_EQ(0, point_release("mbind"));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, t.err);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(first.pages, self->d.v[MOF_MARKED]);
	EXPECT_EQ(first.pages, area_hinted(&self->a));
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.from));
	EXPECT_EQ(0, area_bad(&self->a));
}

/*
 * Interleaving: find the node of each offset by allocating the same addresses
 * under the policy.
 */
static long learn_placement(const struct area *a, int mode, unsigned long nodes,
			    int *node)
{
	long err = area_mbind(a, mode, nodes, 0);
	long i;

	if (err)
		return err;
	madvise(a->base, area_bytes(a), MADV_DONTNEED);
	area_fill(a);
	drain_lru();
	for (i = 0; i < a->pages; i++)
		node[i] = page_node(a, i);
	return 0;
}

static long differences(const struct area *a, const int *node)
{
	long found = 0;
	long i;

	for (i = 0; i < a->pages; i++)
		found += page_node(a, i) != node[i];
	return found;
}

static long count_node(const int *nodes, long nr, int node)
{
	long found = 0;
	long i;

	for (i = 0; i < nr; i++)
		found += nodes[i] == node;
	return found;
}

TEST_F(lazy, interleave_goes_where_the_policy_puts_each_offset)
{
	unsigned long nodes = NODE_MASK(self->m.from) | NODE_MASK(self->m.to);
	int want[AREA_PAGES];
	long misplaced;

	ASSERT_EQ(0, learn_placement(&self->a, MPOL_INTERLEAVE, nodes, want));
	misplaced = count_node(want, AREA_PAGES, self->m.to);
	ASSERT_EQ(AREA_PAGES / 2, misplaced);
	ASSERT_EQ(AREA_PAGES, area_move(&self->a, self->m.from));
	drain_lru();
	ASSERT_EQ(0, stats_read(&self->before));
	ASSERT_EQ(0, mark_and_touch(&self->a, MPOL_INTERLEAVE, nodes, self->m.to));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, differences(&self->a, want));
	EXPECT_EQ(misplaced, self->d.v[MOF_MARKED]);
	EXPECT_EQ(misplaced, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(0, area_bad(&self->a));
}

static int set_weight(int node, long weight)
{
	char path[96];

	snprintf(path, sizeof(path), WEIGHT, node);
	return write_long(path, weight);
}

TEST_F(lazy, weighted_interleave_goes_where_the_policy_puts_each_offset)
{
	unsigned long nodes = NODE_MASK(self->m.from) | NODE_MASK(self->m.to);
	int want[AREA_PAGES];
	long misplaced;

	if (set_weight(self->m.from, 1) || set_weight(self->m.to, 3))
		SKIP(return, "kernel without node weights in sysfs");
	EXPECT_EQ(0, learn_placement(&self->a, MPOL_WEIGHTED_INTERLEAVE, nodes, want));
	misplaced = count_node(want, AREA_PAGES, self->m.to);
	EXPECT_EQ(AREA_PAGES * 3 / 4, misplaced);
	EXPECT_EQ(AREA_PAGES, area_move(&self->a, self->m.from));
	drain_lru();
	EXPECT_EQ(0, stats_read(&self->before));
	EXPECT_EQ(0, mark_and_touch(&self->a, MPOL_WEIGHTED_INTERLEAVE, nodes,
				    self->m.from));
	EXPECT_EQ(0, stats_since(&self->before, &self->d));
	set_weight(self->m.from, 0);
	set_weight(self->m.to, 0);
	EXPECT_EQ(0, differences(&self->a, want));
	EXPECT_EQ(misplaced, self->d.v[MOF_MARKED]);
	EXPECT_EQ(misplaced, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(0, area_bad(&self->a));
}

/* MPOL_DEFAULT for the range means the task's policy. */
TEST_F(lazy, task_bind_under_default_policy_is_the_target)
{
	ASSERT_EQ(0, set_task_policy(MPOL_BIND, NODE_MASK(self->m.to)));
	ASSERT_EQ(0, mark_and_touch(&self->a, MPOL_DEFAULT, 0, self->m.from));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, task_preferred_under_default_policy_is_the_target)
{
	ASSERT_EQ(0, set_task_policy(MPOL_PREFERRED, NODE_MASK(self->m.to)));
	ASSERT_EQ(0, mark_and_touch(&self->a, MPOL_DEFAULT, 0, self->m.from));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, vma_policy_wins_over_the_task_policy)
{
	ASSERT_EQ(0, set_task_policy(MPOL_BIND, NODE_MASK(self->m.from)));
	ASSERT_EQ(0, mark_and_touch(&self->a, MPOL_LOCAL, 0, self->m.to));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

/* The policy at the touch decides, not that at the call. */
TEST_F(lazy, task_policy_changed_before_the_touch_decides)
{
	ASSERT_EQ(0, mark(&self->a, MPOL_DEFAULT, 0));
	ASSERT_EQ(0, set_task_policy(MPOL_BIND, NODE_MASK(self->m.to)));
	area_read(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, vma_policy_changed_before_the_touch_decides)
{
	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	ASSERT_EQ(0, area_mbind(&self->a, MPOL_BIND, NODE_MASK(self->m.from), 0));
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&self->a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.from));
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_LOCAL]);
	EXPECT_EQ(0, area_bad(&self->a));
}

/*
 * The stock scanner also marks memory without a policy: existing marks must not
 * be taken for its own.
 */
TEST_F(lazy, policy_removed_before_the_touch_leaves_it_to_the_faulting_node)
{
	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.from) |
			  NODE_MASK(self->m.to)));
	ASSERT_EQ(0, area_mbind(&self->a, MPOL_DEFAULT, 0, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&self->a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, part_of_a_range_with_another_policy_follows_it)
{
	struct area first = area_part(&self->a, 0, AREA_PAGES / 2);
	struct area last = area_part(&self->a, AREA_PAGES / 2, AREA_PAGES / 2);

	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, area_mbind(&last, MPOL_BIND, NODE_MASK(self->m.from), 0));
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&self->a);
	EXPECT_EQ(first.pages, area_on(&first, self->m.to));
	EXPECT_EQ(last.pages, area_on(&last, self->m.from));
	EXPECT_EQ(0, area_bad(&self->a));
}

/*
 * Memory without a policy follows the policy of the faulting task. Whether a
 * page is misplaced must not be judged by the policy of the marking task.
 */
FIXTURE(tasks)
{
	struct machine m;
	struct area a;		/* without a policy, on m.from */
	struct stats before;
	struct stats d;
};

FIXTURE_VARIANT(tasks)
{
	bool shared;
};

FIXTURE_VARIANT_ADD(tasks, private) {
	.shared = false,
};

FIXTURE_VARIANT_ADD(tasks, shared) {
	.shared = true,
};

static int memfd_area(struct area *a, int node)
{
	int fd = memfd_create("mof", 0);
	int err;

	if (fd < 0 || ftruncate(fd, AREA_PAGES * page_size()))
		return -errno;
	err = area_map_file(a, AREA_PAGES, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	close(fd);
	return err ? : area_place(a, node);
}

FIXTURE_SETUP(tasks)
{
	SKIP_SETUP(return, &self->m, machine_setup_lazy(&self->m));
	ASSERT_EQ(0, run_on(self->m.from));
	ASSERT_EQ(0, variant->shared ? memfd_area(&self->a, self->m.from) :
				       area_new(&self->a, AREA_PAGES, self->m.from));
	ASSERT_EQ(0, stats_read(&self->before));
}

FIXTURE_TEARDOWN_PARENT(tasks)
{
	machine_restore(&self->m);
}

/* A thread that touches from @node under a task policy of its own. */
struct visitor {
	const struct area *a;
	int node;
	int mode;
	unsigned long nodes;
	int err;
};

static void *visit(void *arg)
{
	struct visitor *v = arg;

	v->err = run_on(v->node) ? : set_task_policy(v->mode, v->nodes);
	area_write(v->a);
	return NULL;
}

/* Mark as a task that prefers m.from, where the pages are; visit them. */
static void mark_and_be_visited(struct __test_metadata *_metadata,
				struct _test_data_tasks *self, struct visitor *v)
{
	pthread_t thread;

	v->a = &self->a;
	ASSERT_EQ(0, set_task_policy(MPOL_PREFERRED, NODE_MASK(self->m.from)));
	ASSERT_EQ(0, mark(&self->a, MPOL_DEFAULT, 0));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_MARKED]);
	ASSERT_EQ(0, pthread_create(&thread, NULL, visit, v));
	pthread_join(thread, NULL);
	ASSERT_EQ(0, v->err);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_RESOLVED]);
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(tasks, pages_go_to_a_thread_without_policy_whatever_the_markers)
{
	struct visitor v = { .node = self->m.to, .mode = MPOL_DEFAULT };

	mark_and_be_visited(_metadata, self, &v);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_MIGRATED]);
}

TEST_F(tasks, pages_go_where_the_policy_of_the_faulting_thread_wants_them)
{
	struct visitor v = {
		.node = self->m.from, .mode = MPOL_BIND, .nodes = NODE_MASK(self->m.to),
	};

	mark_and_be_visited(_metadata, self, &v);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_MIGRATED]);
}

TEST_F(tasks, pages_stay_where_the_policy_of_the_faulting_thread_wants_them)
{
	struct visitor v = {
		.node = self->m.to, .mode = MPOL_BIND, .nodes = NODE_MASK(self->m.from),
	};

	mark_and_be_visited(_metadata, self, &v);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.from));
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_LOCAL]);
}

/* Memoryless and CPU-less nodes */

/* One of the two nodes of the machine that is (or is not) nearest to @node. */
static int pick(const struct machine *m, int node, bool nearest)
{
	if (is_nearest(node, m->from, memory_nodes()) == nearest)
		return m->from;
	if (is_nearest(node, m->to, memory_nodes()) == nearest)
		return m->to;
	return NO_NODE;
}

TEST_F(lazy, faulting_node_without_memory_gets_its_nearest_node_with_memory)
{
	int node = self->m.memoryless;
	int far, nid;

	if (node == NO_NODE)
		SKIP(return, "needs a node with CPUs and without memory");
	far = pick(&self->m, node, false);
	if (far == NO_NODE)
		SKIP(return, "needs nodes at different distances");
	ASSERT_EQ(0, area_place(&self->a, far));
	ASSERT_EQ(0, mark_and_touch(&self->a, MPOL_LOCAL, 0, node));
	nid = page_node(&self->a, 0);
	EXPECT_TRUE(is_nearest(node, nid, memory_nodes()));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, nid));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, faulting_node_without_memory_leaves_pages_on_a_nearest_node)
{
	int near;

	if (self->m.memoryless == NO_NODE)
		SKIP(return, "needs a node with CPUs and without memory");
	near = pick(&self->m, self->m.memoryless, true);
	if (near == NO_NODE)
		SKIP(return, "needs a nearest node with CPUs");
	ASSERT_EQ(0, area_place(&self->a, near));
	ASSERT_EQ(0, mark_and_touch(&self->a, MPOL_LOCAL, 0, self->m.memoryless));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, near));
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_LOCAL]);
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, node_without_memory_alone_in_a_mask_is_refused)
{
	if (self->m.memoryless == NO_NODE)
		SKIP(return, "needs a node with CPUs and without memory");
	EXPECT_EQ(-EINVAL, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.memoryless)));
	EXPECT_EQ(0, area_hinted(&self->a));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, node_without_cpus_is_a_target_by_policy)
{
	if (self->m.cpuless == NO_NODE)
		SKIP(return, "needs a node with memory and without CPUs");
	ASSERT_EQ(0, mark_and_touch(&self->a, MPOL_BIND, NODE_MASK(self->m.cpuless),
				    self->m.to));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.cpuless));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, pages_leave_a_node_without_cpus)
{
	if (self->m.cpuless == NO_NODE)
		SKIP(return, "needs a node with memory and without CPUs");
	ASSERT_EQ(0, area_place(&self->a, self->m.cpuless));
	ASSERT_EQ(0, mark_and_touch(&self->a, MPOL_LOCAL, 0, self->m.to));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

#include "lib/main.h"
