// SPDX-License-Identifier: GPL-2.0
/*
 * kernel.numa_balancing=4: memory that is accessed from another node is
 * detected and migrated there without any call; memory that is already local,
 * or allowed on one node only, is left alone.
 */
#include <fcntl.h>
#include <sys/mount.h>

#include "lib/test.h"
#include "lib/auto.h"

#define EXTENTS		4	/* of 2 MiB */
#define TUNABLES	"sched/numa_balancing/"

/* Values */

FIXTURE(sysctl)
{
	long before;
};

FIXTURE_SETUP(sysctl)
{
	self->before = read_long(BALANCING);
	if (self->before < 0)
		SKIP(return, "kernel without kernel.numa_balancing");
	if (write_long(BALANCING, self->before))
		SKIP(return, "needs root to set kernel.numa_balancing");
}

FIXTURE_TEARDOWN_PARENT(sysctl)
{
	if (self->before >= 0)
		write_long(BALANCING, self->before);
}

TEST_F(sysctl, values_0_to_4_are_taken_and_others_refused)
{
	int value;

	for (value = 0; value <= 4; value++) {
		EXPECT_EQ(0, write_long(BALANCING, value));
		EXPECT_EQ(value, read_long(BALANCING));
	}
	for (value = 5; value <= 8; value++)
		EXPECT_EQ(-EINVAL, write_long(BALANCING, value));
	EXPECT_EQ(-EINVAL, write_long(BALANCING, -1));
	EXPECT_EQ(4, read_long(BALANCING));
}

static const char * const tunables[] = {
	"lazy_delay_ms", "lazy_period_min_ms", "lazy_period_max_ms", "lazy_rest_samples",
};

/* Invalid values must be refused, and leave the current value unchanged. */
static bool tunable_is_strict(const char *path)
{
	static const char * const bad[] = { "0", "-1", "1000000000", "much" };
	long before = read_long(path);
	bool strict = before >= 1;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		strict = write_text(path, bad[i]) == -EINVAL &&
			 read_long(path) == before && strict;
	strict = !write_long(path, 1) && read_long(path) == 1 && strict;
	return !write_long(path, before) && read_long(path) == before && strict;
}

TEST(tunables_refuse_values_out_of_range_and_keep_the_old)
{
	char dir[] = "/tmp/mof-debugfs.XXXXXX", path[128];
	size_t i;

	if (!have_automatic())
		SKIP(return, NO_AUTOMATIC);
	ASSERT_NE(NULL, mkdtemp(dir));
	if (mount("none", dir, "debugfs", 0, NULL)) {
		rmdir(dir);
		SKIP(return, "cannot mount debugfs");
	}
	for (i = 0; i < ARRAY_SIZE(tunables); i++) {
		snprintf(path, sizeof(path), "%s/" TUNABLES "%s", dir, tunables[i]);
		EXPECT_TRUE(tunable_is_strict(path)) {
			TH_LOG("%s", tunables[i]);
		}
	}
	EXPECT_EQ(0, umount(dir));
	rmdir(dir);
}

/* Memory that is used from another node */

FIXTURE(misplaced)
{
	struct machine m;
	struct area a;
	struct stats before;
	struct stats d;
};

FIXTURE_VARIANT(misplaced)
{
	int (*area)(struct area *a, int node);
	bool thp;
};

static int base_pages(struct area *a, int node)
{
	return area_new_extents(a, EXTENTS, node);
}

static int thps(struct area *a, int node)
{
	return area_new_thp(a, EXTENTS, node);
}

static int shared_memory(struct area *a, int node)
{
	return area_new_shared(a, EXTENTS * extent_pages(), node);
}

FIXTURE_VARIANT_ADD(misplaced, base_pages) {
	.area = base_pages,
};

FIXTURE_VARIANT_ADD(misplaced, thps) {
	.area = thps, .thp = true,
};

FIXTURE_VARIANT_ADD(misplaced, shared_memory) {
	.area = shared_memory,
};

/* Memory is on m.from; for now the process runs on m.to. */
FIXTURE_SETUP(misplaced)
{
	const char *why = automatic_setup(&self->m);

	if (!why && variant->thp)
		why = thp_missing();
	SKIP_SETUP(return, &self->m, why);
	ASSERT_EQ(0, run_on(self->m.to));
	ASSERT_EQ(0, variant->area(&self->a, self->m.from));
	ASSERT_EQ(0, stats_read(&self->before));
	ASSERT_EQ(0, write_long(BALANCING, 4));
}

FIXTURE_TEARDOWN_PARENT(misplaced)
{
	machine_restore(&self->m);
}

TEST_F(misplaced, memory_of_a_process_on_another_node_is_moved_without_a_sample)
{
	struct sweeper t = { .a = &self->a, .node = self->m.to };

	ASSERT_EQ(0, sweeper_start(&t));
	EXPECT_TRUE(sweeper_settles(&t));
	sweeper_stop(&t);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, self->d.v[MOF_SAMPLES]);
	EXPECT_LE(EXTENTS, self->d.v[MOF_ARMED]);
	EXPECT_LE(self->a.pages * 95 / 100, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, t.lost);
	EXPECT_EQ(0, area_bad(&self->a));
	if (variant->thp)
		EXPECT_EQ(EXTENTS * thp_size() / 1024,
			  area_smaps_kb(&self->a, "AnonHugePages"));
}

TEST_F(misplaced, memory_of_a_thread_on_another_node_is_sampled_and_moved)
{
	struct sweeper t = { .a = &self->a, .node = self->m.to };
	struct sweeper other = { .node = self->m.from };
	struct area b;

	ASSERT_EQ(0, area_new(&b, extent_pages(), self->m.from));
	other.a = &b;
	ASSERT_EQ(0, sweeper_start(&other));
	/* Give the other thread time to be sampled. */
	sweeper_work(&other, 0.3);
	ASSERT_EQ(0, sweeper_start(&t));
	EXPECT_TRUE(sweeper_settles(&t));
	EXPECT_TRUE(sweeper_settles(&other));
	sweeper_stop(&t);
	sweeper_stop(&other);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_LE(EXTENTS, self->d.v[MOF_SAMPLES]);
	EXPECT_LE(EXTENTS, self->d.v[MOF_ARMED]);
	EXPECT_LE(self->a.pages * 95 / 100, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, t.lost + other.lost);
	EXPECT_EQ(0, area_bad(&self->a));
	EXPECT_EQ(0, area_bad(&b));
	EXPECT_EQ(b.pages, area_on(&b, self->m.from));
}

/* @nr adjacent VMAs of one page each; none of them is ever sampled. */
static char *wall_of_areas(long nr, int node)
{
	struct area a = { .pages = nr };
	long i;

	a.base = mmap(NULL, area_bytes(&a), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (a.base == MAP_FAILED || area_mbind(&a, MPOL_BIND, NODE_MASK(node), 0))
		return NULL;
	for (i = 0; i < nr; i += 2)
		if (mprotect(a.base + i * page_size(), page_size(), PROT_READ))
			return NULL;
	return a.base;
}

/* A step looks at 150 VMAs at most; the next one continues behind. */
TEST_F(misplaced, memory_behind_many_areas_that_are_not_sampled_is_moved)
{
	struct sweeper t = { .a = &self->a, .node = self->m.to };
	char *wall = wall_of_areas(600, self->m.to);

	ASSERT_NE(NULL, wall);
	ASSERT_LT((uintptr_t)wall, (uintptr_t)self->a.base);
	ASSERT_EQ(0, sweeper_start(&t));
	EXPECT_TRUE(sweeper_settles(&t));
	sweeper_stop(&t);
	EXPECT_EQ(0, t.lost);
	EXPECT_EQ(0, area_bad(&self->a));
}

/*
 * The fair class's tick does not account for it, so at first all threads seem
 * to run on m.to. Its faults reveal its node; samples then show that its memory
 * is local.
 */
TEST_F(misplaced, memory_of_a_real_time_thread_stays_with_it)
{
	struct sweeper rt = { .a = &self->a, .node = self->m.from, .fifo = true };
	struct sweeper fair = { .node = self->m.to };
	struct area b;

	/*
	 * This thread fills the areas, and runs on m.to as well: keep it from
	 * finding marks.
	 */
	ASSERT_EQ(0, write_long(BALANCING, 0));
	area_read(&self->a);
	ASSERT_EQ(self->a.pages, area_move(&self->a, self->m.from));
	ASSERT_EQ(0, area_new(&b, extent_pages(), self->m.to));
	fair.a = &b;
	ASSERT_EQ(0, sweeper_start(&rt));
	ASSERT_EQ(0, sweeper_start(&fair));
	sweeper_work(&fair, 0);
	ASSERT_EQ(0, write_long(BALANCING, 4));
	sweeper_work(&fair, 4);
	sweeper_stop(&rt);
	sweeper_stop(&fair);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_LT(0, self->d.v[MOF_SAMPLES]);
	EXPECT_EQ(self->a.pages, area_on(&self->a, self->m.from));
	EXPECT_EQ(0, rt.lost + fair.lost);
	EXPECT_EQ(0, area_bad(&self->a));
}

/* The first half of the extents is used on m.from, the second on m.to. */
TEST_F(misplaced, each_of_two_threads_gets_its_half)
{
	struct area half = area_part(&self->a, 0, self->a.pages / 2);
	struct sweeper t[2] = {
		{ .a = &half, .node = self->m.from },
		{ .a = &self->a, .node = self->m.to, .first = half.pages },
	};

	ASSERT_EQ(0, sweeper_start(&t[0]));
	ASSERT_EQ(0, sweeper_start(&t[1]));
	EXPECT_TRUE(sweeper_settles(&t[1]));
	EXPECT_TRUE(sweeper_settles(&t[0]));
	sweeper_stop(&t[0]);
	sweeper_stop(&t[1]);
	EXPECT_EQ(0, t[0].lost + t[1].lost);
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(misplaced, each_of_two_threads_gets_every_other_page)
{
	struct sweeper t[2] = {
		{ .a = &self->a, .node = self->m.from, .step = 2 },
		{ .a = &self->a, .node = self->m.to, .first = 1, .step = 2 },
	};

	if (variant->thp)
		SKIP(return, "a THP is on a single node");
	ASSERT_EQ(0, sweeper_start(&t[0]));
	ASSERT_EQ(0, sweeper_start(&t[1]));
	EXPECT_TRUE(sweeper_settles(&t[1]));
	EXPECT_TRUE(sweeper_settles(&t[0]));
	sweeper_stop(&t[0]);
	sweeper_stop(&t[1]);
	EXPECT_EQ(0, t[0].lost + t[1].lost);
	EXPECT_EQ(0, area_bad(&self->a));
}

/* History is kept per 2 MiB, which may be shared by several VMAs. */
TEST_F(misplaced, all_parts_of_an_extent_are_moved)
{
	struct area part[3];
	struct sweeper t[3];
	int i;

	if (variant->thp)
		SKIP(return, "a THP is part of a single VMA");
	for (i = 0; i < 3; i++) {
		part[i] = area_part(&self->a, i * 100, 90);
		t[i] = (struct sweeper) { .a = &part[i], .node = self->m.to };
		munmap(self->a.base + (i * 100 + 90) * page_size(), 10 * page_size());
	}
	munmap(self->a.base + 300 * page_size(), (self->a.pages - 300) * page_size());
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, sweeper_start(&t[i]));
	for (i = 0; i < 3; i++)
		EXPECT_TRUE(sweeper_settles(&t[i]));
	for (i = 0; i < 3; i++) {
		sweeper_stop(&t[i]);
		EXPECT_EQ(0, t[i].lost);
		EXPECT_EQ(0, area_bad(&part[i]));
	}
}

/* Runs with any page size, also where nodes hold few extents. */
TEST(area_that_is_a_quarter_of_an_extent_is_moved)
{
	struct sweeper t;
	struct machine m;
	const char *why;
	struct area a;

	why = machine_setup(&m);
	if (!why && !have_automatic())
		why = NO_AUTOMATIC;
	SKIP_IF(return, why);
	ASSERT_EQ(0, run_on(m.to));
	ASSERT_EQ(0, area_new(&a, extent_pages() / 4, m.from));
	t = (struct sweeper) { .a = &a, .node = m.to };
	EXPECT_EQ(0, write_long(BALANCING, 4));
	EXPECT_EQ(0, sweeper_start(&t));
	EXPECT_TRUE(sweeper_settles(&t));
	sweeper_stop(&t);
	machine_restore(&m);
	EXPECT_EQ(0, t.lost);
	EXPECT_EQ(0, area_bad(&a));
}

/* The interval between two migrations of an extent doubles from 2 s on. */
static long most_moves(time_t seconds)
{
	long moves = 1;

	for (seconds -= 2; seconds >= 0; seconds -= 1L << moves)
		moves++;
	return moves;
}

TEST_F(misplaced, memory_that_two_nodes_share_does_not_bounce)
{
	struct sweeper t[2] = {
		{ .a = &self->a, .node = self->m.from },
		{ .a = &self->a, .node = self->m.to, .slot = 1 },
	};
	time_t begin = time(NULL), seconds;

	/* Bind the process, so that nothing else of it is sampled. */
	ASSERT_EQ(0, set_task_policy(MPOL_BIND, NODE_MASK(self->m.from)));
	ASSERT_EQ(0, area_balanced(&self->a, NODE_MASK(self->m.from) | NODE_MASK(self->m.to)));
	ASSERT_EQ(0, sweeper_start(&t[0]));
	ASSERT_EQ(0, sweeper_start(&t[1]));
	sweeper_work(&t[0], 5);
	sweeper_stop(&t[0]);
	sweeper_stop(&t[1]);
	/* The kernel's interval and time() count whole seconds. */
	seconds = time(NULL) - begin + 2;
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_LT(0, self->d.v[MOF_SAMPLES]);
	EXPECT_GE((EXTENTS + 1) * most_moves(seconds), self->d.v[MOF_ARMED]);
	EXPECT_GE(self->a.pages * most_moves(seconds), self->d.v[NUMA_PAGES_MIGRATED]);
	EXPECT_EQ(0, t[0].lost + t[1].lost);
	EXPECT_EQ(0, area_bad(&self->a));
}

#include "lib/main.h"
