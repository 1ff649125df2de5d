// SPDX-License-Identifier: GPL-2.0
/*
 * Control groups: a cpuset restricts every target, and the memory controller
 * counts.
 */
#include <pthread.h>
#include <sys/mman.h>

#include "lib/point.h"
#include "lib/test.h"

FIXTURE(cgroup)
{
	struct machine m;
	struct cgroup cg;
	struct stats before;
	struct stats d;
};

FIXTURE_SETUP(cgroup)
{
	const char *why = machine_setup_lazy(&self->m);

	if (!why)
		why = cgroup_enter(&self->cg, "+memory +cpuset");
	SKIP_SETUP(return, &self->m, why);
	EXPECT_EQ(0, run_on(self->m.from));
	EXPECT_EQ(0, stats_read(&self->before));
}

FIXTURE_TEARDOWN_PARENT(cgroup)
{
	cgroup_leave(&self->cg);
	machine_restore(&self->m);
}

static int allow_node(const struct cgroup *cg, int node)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", node);
	return cgroup_write(cg, "cpuset.mems", text);
}

static int allow_nodes(const struct cgroup *cg, int one, int other)
{
	char text[32];

	snprintf(text, sizeof(text), "%d,%d", one, other);
	return cgroup_write(cg, "cpuset.mems", text);
}

TEST_F(cgroup, memory_stat_has_the_counters_of_vmstat)
{
	EXPECT_EQ(NR_MOF_STATS, cgroup_stat_names(&self->cg));
}

TEST_F(cgroup, memory_stat_counts_the_groups_pages)
{
	struct area a;
	int i;

	ASSERT_EQ(0, area_new(&a, AREA_PAGES, self->m.from));
	ASSERT_EQ(0, stats_read(&self->before));
	ASSERT_EQ(0, mark(&a, MPOL_LOCAL, 0));
	page_read(&a, 0);
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_MARKED]);
	EXPECT_EQ(1, self->d.v[MOF_LOCAL]);
	EXPECT_EQ(AREA_PAGES - 1, self->d.v[MOF_MIGRATED]);
	for (i = 0; i < NR_MOF_STATS; i++) {
		EXPECT_EQ(self->d.v[i], cgroup_stat(&self->cg, stat_name(i)))
			TH_LOG("in %s", stat_name(i));
	}
	EXPECT_EQ(0, area_bad(&a));
}

/* The migration moves the charge: its amount stays the same. */
TEST_F(cgroup, the_charge_moves_with_the_page)
{
	struct area a;
	long charged;

	ASSERT_EQ(0, area_new(&a, 4 * AREA_PAGES, self->m.from));
	charged = cgroup_stat(&self->cg, "anon");
	ASSERT_LE(area_bytes(&a), charged);
	ASSERT_EQ(0, mark(&a, MPOL_BIND, NODE_MASK(self->m.to)));
	area_read(&a);
	ASSERT_EQ(a.pages, area_on(&a, self->m.to));
	charged = cgroup_stat(&self->cg, "anon") - charged;
	EXPECT_LT(-area_bytes(&a) / 2, charged);
	EXPECT_GT(area_bytes(&a) / 2, charged);
	EXPECT_EQ(0, area_bad(&a));
	area_free(&a);
}

/* Statistics of a group are exact after two seconds. */
static long unlisted_in_the_end(const struct cgroup *cg)
{
	int tries = 10;

	while (cgroup_unlisted(cg) && --tries)
		sleep(1);
	return cgroup_unlisted(cg);
}

TEST_F(cgroup, pages_of_two_lru_lists_are_on_a_list_after_they_have_moved)
{
	struct area a;

	ASSERT_EQ(0, area_new(&a, TABLE_PAGES, self->m.from));
	drain_lru();
	ASSERT_EQ(0, area_activate(&a, 2));
	drain_lru();
	ASSERT_EQ(0, mark(&a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&a);
	ASSERT_EQ(TABLE_PAGES, area_on(&a, self->m.to));
	EXPECT_EQ(0, unlisted_in_the_end(&self->cg));
	EXPECT_EQ(0, area_bad(&a));
}

struct reader {
	const struct area *a;
	int node;
};

static void *read_there(void *arg)
{
	const struct reader *r = arg;

	run_on(r->node);
	page_read(r->a, 0);
	return NULL;
}

TEST_F(cgroup, pages_dropped_while_they_move_are_not_counted)
{
	struct reader r = { .node = self->m.to };
	pthread_t thread;
	struct area a;

	SKIP_IF(return, have_points() ? NULL : NO_POINTS);
	ASSERT_EQ(0, area_new(&a, AREA_PAGES, self->m.from));
	drain_lru();
	ASSERT_EQ(0, mark(&a, MPOL_LOCAL, 0));
	r.a = &a;
	ASSERT_EQ(0, point_hold("copied", getpid(), 1));
	ASSERT_EQ(0, pthread_create(&thread, NULL, read_there, &r));
	EXPECT_TRUE(point_reached("copied"));
	EXPECT_EQ(0, madvise(a.base, area_bytes(&a), MADV_DONTNEED));
	point_release("copied");
	pthread_join(thread, NULL);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_LT(0, self->d.v[MOF_FAILED_RACED]);
	EXPECT_EQ(0, unlisted_in_the_end(&self->cg));
}

TEST_F(cgroup, page_on_an_allowed_node_stays_if_the_faulting_node_is_not_allowed)
{
	struct area a;

	ASSERT_EQ(0, allow_node(&self->cg, self->m.from));
	ASSERT_EQ(0, area_new(&a, AREA_PAGES, self->m.from));
	ASSERT_EQ(0, mark(&a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	ASSERT_EQ(0, stats_read(&self->before));
	area_write(&a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, area_on(&a, self->m.from));
	EXPECT_EQ(0, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_RESOLVED]);
	EXPECT_EQ(0, area_bad(&a));
}

TEST_F(cgroup, faulting_node_is_the_target_if_it_is_allowed)
{
	struct area a;

	ASSERT_EQ(0, allow_nodes(&self->cg, self->m.from, self->m.to));
	ASSERT_EQ(0, area_new(&a, AREA_PAGES, self->m.from));
	ASSERT_EQ(0, mark(&a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	area_write(&a);
	EXPECT_EQ(AREA_PAGES, area_on(&a, self->m.to));
	EXPECT_EQ(0, area_bad(&a));
}

/*
 * Page and touching task are both on a disallowed node. The page gets there
 * through a memfd that another process fills before this one maps it.
 */
TEST_F(cgroup, page_and_faulting_node_not_allowed_goes_to_an_allowed_node)
{
	int fd = memfd_create("mof", 0);
	struct area a;

	ASSERT_EQ(0, ftruncate(fd, AREA_PAGES * page_size()));
	ASSERT_EQ(0, area_map_file(&a, AREA_PAGES, PROT_READ | PROT_WRITE, MAP_SHARED, fd));
	ASSERT_EQ(0, area_place(&a, self->m.from));
	ASSERT_EQ(0, munmap(a.base, area_bytes(&a)));
	ASSERT_EQ(0, allow_node(&self->cg, self->m.to));
	ASSERT_EQ(a.base, mmap(a.base, area_bytes(&a), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_FIXED, fd, 0));
	area_read(&a);
	drain_lru();
	ASSERT_EQ(AREA_PAGES, area_on(&a, self->m.from));
	ASSERT_EQ(0, mark(&a, MPOL_LOCAL, 0));
	EXPECT_EQ(AREA_PAGES, area_hinted(&a));
	area_write(&a);
	EXPECT_EQ(AREA_PAGES, area_on(&a, self->m.to));
	EXPECT_EQ(0, area_bad(&a));
}

/* The allowed node is neither the touching task's nor the page's. */
TEST_F(cgroup, bind_is_bounded_by_the_cpuset)
{
	unsigned long both = NODE_MASK(self->m.from) | NODE_MASK(self->m.to);
	struct area a;

	ASSERT_EQ(0, allow_node(&self->cg, self->m.from));
	ASSERT_EQ(0, area_new(&a, AREA_PAGES, self->m.from));
	ASSERT_EQ(0, mark(&a, MPOL_BIND, both));
	ASSERT_EQ(0, run_on(self->m.to));
	area_write(&a);
	EXPECT_EQ(AREA_PAGES, area_on(&a, self->m.from));
	EXPECT_EQ(-EINVAL, mark(&a, MPOL_BIND, NODE_MASK(self->m.to)));
	EXPECT_EQ(0, area_hinted(&a));
	EXPECT_EQ(0, area_bad(&a));
}

/* The cpuset at the time of the touch applies, not that at the call. */
TEST_F(cgroup, node_allowed_after_the_call_is_a_target)
{
	struct area a;

	ASSERT_EQ(0, allow_node(&self->cg, self->m.from));
	ASSERT_EQ(0, area_new(&a, AREA_PAGES, self->m.from));
	ASSERT_EQ(0, mark(&a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, allow_nodes(&self->cg, self->m.from, self->m.to));
	ASSERT_EQ(0, run_on(self->m.to));
	area_write(&a);
	EXPECT_EQ(AREA_PAGES, area_on(&a, self->m.to));
	EXPECT_EQ(0, area_bad(&a));
}

TEST_F(cgroup, change_of_mems_moves_marked_pages_at_once)
{
	struct area a;

	ASSERT_EQ(0, allow_node(&self->cg, self->m.from));
	ASSERT_EQ(0, area_new(&a, AREA_PAGES, self->m.from));
	ASSERT_EQ(0, mark(&a, MPOL_LOCAL, 0));
	ASSERT_EQ(AREA_PAGES, area_hinted(&a));
	ASSERT_EQ(0, allow_node(&self->cg, self->m.to));
	EXPECT_EQ(AREA_PAGES, area_on(&a, self->m.to));
	area_write(&a);
	EXPECT_EQ(AREA_PAGES, area_on(&a, self->m.to));
	EXPECT_EQ(0, area_hinted(&a));
	EXPECT_EQ(0, area_bad(&a));
}

#include "lib/main.h"
