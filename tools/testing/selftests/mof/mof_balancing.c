// SPDX-License-Identifier: GPL-2.0
/*
 * MPOL_MF_LAZY together with kernel.numa_balancing: explicit marks do not
 * depend on the balancer, and faults of the stock scanner are not counted as
 * ours.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/test.h"

#define SCAN_SECONDS	90

FIXTURE(balancing)
{
	struct machine m;
	struct area a;
	struct stats before;
	struct stats d;
};

FIXTURE_VARIANT(balancing)
{
	int mode;
};

FIXTURE_VARIANT_ADD(balancing, off) {
	.mode = 0,
};

FIXTURE_VARIANT_ADD(balancing, normal) {
	.mode = 1,
};

FIXTURE_VARIANT_ADD(balancing, tiering) {
	.mode = 2,
};

FIXTURE_VARIANT_ADD(balancing, normal_and_tiering) {
	.mode = 3,
};

FIXTURE_SETUP(balancing)
{
	SKIP_SETUP(return, &self->m, machine_setup_lazy(&self->m));
	EXPECT_EQ(0, run_on(self->m.from));
	EXPECT_EQ(0, area_new(&self->a, AREA_PAGES, self->m.from));
	EXPECT_EQ(0, write_long(BALANCING, variant->mode));
	EXPECT_EQ(0, stats_read(&self->before));
}

FIXTURE_TEARDOWN_PARENT(balancing)
{
	machine_restore(&self->m);
}

TEST_F(balancing, bound_pages_move_at_their_first_touch)
{
	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	area_read(&self->a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(0, area_bad(&self->a));
}

/*
 * The stock code migrates a page only after two faults from the same node.
 * Pages whose last two faults came from different nodes are the worst case.
 */
TEST_F(balancing, pages_with_a_history_move_at_their_first_touch)
{
	int round, node;

	for (round = 0; round < 6; round++) {
		node = round % 2 ? self->m.from : self->m.to;
		ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
		ASSERT_EQ(0, run_on(node));
		area_read(&self->a);
		ASSERT_EQ(AREA_PAGES, area_on(&self->a, node));
		drain_lru();
	}
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(balancing, a_thp_moves_at_its_first_touch)
{
	int round, node;
	struct area thp;

	SKIP_IF(return, thp_missing());
	ASSERT_EQ(0, area_new_thp(&thp, 1, self->m.from));
	for (round = 0; round < 4; round++) {
		node = round % 2 ? self->m.from : self->m.to;
		ASSERT_EQ(0, mark(&thp, MPOL_LOCAL, 0));
		ASSERT_EQ(0, run_on(node));
		page_read(&thp, 0);
		ASSERT_EQ(thp.pages, area_on(&thp, node));
		drain_lru();
	}
	EXPECT_EQ(thp_size() / 1024, area_smaps_kb(&thp, "AnonHugePages"));
	EXPECT_EQ(0, area_bad(&thp));
}

/* Touch until the stock scanner has caused a fault per page, with a time limit. */
static long touch_until_hinted(const struct area *a, const struct stats *before,
			       struct stats *d)
{
	time_t end = time(NULL) + SCAN_SECONDS;

	do {
		for (int i = 0; i < 2000; i++)
			area_read(a);
		stats_since(before, d);
	} while (d->v[NUMA_HINT_FAULTS] < a->pages && time(NULL) < end);
	return d->v[NUMA_HINT_FAULTS];
}

TEST_F(lazy, faults_of_the_stock_scanner_are_not_counted_as_ours)
{
	ASSERT_EQ(0, write_long(BALANCING, 1));
	ASSERT_EQ(0, run_on(self->m.to));
	EXPECT_LE(AREA_PAGES, touch_until_hinted(&self->a, &self->before, &self->d));
	EXPECT_EQ(0, self->d.v[MOF_MARKED]);
	EXPECT_EQ(0, self->d.v[MOF_FAULTS]);
	EXPECT_EQ(0, self->d.v[MOF_RESOLVED]);
	EXPECT_EQ(0, area_bad(&self->a));
}

/* The faults of an area on m.to that the stock scanner marks are not ours. */
static void check_scanned(struct __test_metadata *_metadata, const struct area *a,
			  const struct machine *m)
{
	struct stats before, d;

	/* The scanner leaves out local pages of a single thread. */
	ASSERT_EQ(0, run_on(m->from));
	ASSERT_EQ(0, stats_read(&before));
	ASSERT_EQ(0, write_long(BALANCING, 1));
	EXPECT_LE(a->pages, touch_until_hinted(a, &before, &d));
	EXPECT_EQ(0, d.v[MOF_FAULTS]);
	EXPECT_EQ(0, area_bad(a));
}

/* Neighbours that a fault maps in place lose the information, too. */
TEST_F(lazy, after_marks_in_place_faults_are_the_scanners_again)
{
	struct area a;

	ASSERT_EQ(0, area_new(&a, TABLE_PAGES, self->m.to));
	drain_lru();
	ASSERT_EQ(0, mark(&a, MPOL_DEFAULT, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(TABLE_PAGES, self->d.v[MOF_LOCAL]);
	EXPECT_GT(TABLE_PAGES, self->d.v[MOF_FAULTS]);
	check_scanned(_metadata, &a, &self->m);
}

/* @locked: by the generic path */
static void check_scanned_after_a_move(struct __test_metadata *_metadata,
				       const struct machine *m, bool locked)
{
	struct area a;

	ASSERT_EQ(0, area_new(&a, TABLE_PAGES, m->from));
	if (locked)
		ASSERT_EQ(0, mlock(a.base, area_bytes(&a)));
	drain_lru();
	ASSERT_EQ(0, mark(&a, MPOL_DEFAULT, 0));
	ASSERT_EQ(0, run_on(m->to));
	area_read(&a);
	EXPECT_EQ(TABLE_PAGES, area_on(&a, m->to));
	check_scanned(_metadata, &a, m);
}

TEST_F(lazy, after_a_move_faults_are_the_scanners_again)
{
	check_scanned_after_a_move(_metadata, &self->m, false);
}

TEST_F(lazy, after_a_move_of_locked_pages_faults_are_the_scanners_again)
{
	check_scanned_after_a_move(_metadata, &self->m, true);
}

/* A child that maps all pages of the area, until it is killed. */
static pid_t child_that_maps(const struct area *a)
{
	int ready[2];
	pid_t pid;
	char c;

	if (pipe(ready))
		return -1;
	pid = fork();
	if (!pid) {
		area_read(a);
		close(ready[1]);
		pause();
		_exit(0);
	}
	close(ready[1]);
	read(ready[0], &c, 1);
	close(ready[0]);
	return pid;
}

/*
 * Once no marks are left, the kernel drops the information that tells our marks
 * from the scanner's.
 */
TEST_F(lazy, shared_memory_that_others_map_since_is_the_scanners_again)
{
	time_t end = time(NULL) + SCAN_SECONDS;
	struct area shm;
	pid_t pid;
	int i;

	ASSERT_EQ(0, area_new_shared(&shm, AREA_PAGES, self->m.from));
	ASSERT_EQ(0, area_mbind(&shm, MPOL_BIND | MPOL_F_NUMA_BALANCING,
				NODE_MASK(self->m.from) | NODE_MASK(self->m.to),
				MOF_LAZY_MOVE));
	ASSERT_EQ(AREA_PAGES, area_hinted(&shm));
	pid = child_that_maps(&shm);
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&shm);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_FAILED_SHARED]);

	ASSERT_EQ(0, stats_read(&self->before));
	ASSERT_EQ(0, write_long(BALANCING, 1));
	do {
		for (i = 0; i < 100000; i++)
			page_read(&self->a, i % AREA_PAGES);
	} while (area_hinted(&shm) < AREA_PAGES && time(NULL) < end);
	area_read(&shm);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_LE(AREA_PAGES, self->d.v[NUMA_HINT_FAULTS]);
	EXPECT_EQ(0, self->d.v[MOF_FAULTS]);
	EXPECT_EQ(0, area_bad(&shm));
}

#include "lib/main.h"
