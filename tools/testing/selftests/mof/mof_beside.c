// SPDX-License-Identifier: GPL-2.0
/*
 * Races: while one thread marks an area in a loop and threads on two nodes
 * write to it, another thread disturbs them. No write may get lost.
 */
#include <pthread.h>
#include <sys/mman.h>

#include "lib/test.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

#define BIG_PAGES	256L

static int page_out(const struct crew *c, long i)
{
	return madvise(c->a->base, area_bytes(c->a), MADV_PAGEOUT) ? -errno : 0;
}

/* Run the crew, and check for every disturbance. */
static void beside(struct __test_metadata *_metadata, const struct machine *m,
		   const struct area *a, struct crew *c)
{
	struct stats before, d;

	c->a = a;
	c->m = m;
	ASSERT_EQ(0, stats_read(&before));
	ASSERT_EQ(0, crew_run(c));
	area_read(a);
	ASSERT_EQ(0, stats_since(&before, &d));
	EXPECT_EQ(0, c->lost);
	EXPECT_LT(0, d.v[MOF_MARKED]);
	/* Swapped-out pages are not marked; swap-in places them. */
	if (c->op != page_out)
		EXPECT_LT(0, d.v[MOF_MIGRATED]);
	EXPECT_EQ(0, stats_unreconciled(&d));
	EXPECT_EQ(0, area_hinted(a));
	EXPECT_EQ(0, area_bad(a));
}

static int mark_half(const struct crew *c, long i)
{
	struct area half = area_part(c->a, i % 2 ? c->a->pages / 2 : 0, c->a->pages / 2);

	return mark(&half, MPOL_LOCAL, 0);
}

TEST_F(lazy, two_markers_at_the_same_time_lose_no_write)
{
	struct crew c = { .op = mark_half, .times = 200 };

	beside(_metadata, &self->m, &self->a, &c);
	EXPECT_EQ(0, c.refused);
}

static int mark_for_all(const struct crew *c, long i)
{
	return area_mbind(c->a, MPOL_LOCAL, 0, MOF_LAZY_MOVE_ALL);
}

TEST_F(lazy, two_markers_with_different_rights_lose_no_write)
{
	struct crew c = { .op = mark_for_all, .times = 200 };

	beside(_metadata, &self->m, &self->a, &c);
	EXPECT_EQ(0, c.refused);
}

static int move_eagerly(const struct crew *c, long i)
{
	unsigned long node = NODE_MASK(i % 2 ? c->m->from : c->m->to);

	return area_mbind(c->a, MPOL_PREFERRED, node, MPOL_MF_MOVE);
}

TEST_F(lazy, eager_migration_and_other_policies_beside_marks_lose_no_write)
{
	struct crew c = { .op = move_eagerly, .times = 50 };

	beside(_metadata, &self->m, &self->a, &c);
	EXPECT_EQ(0, c.refused);
}

TEST_F(lazy, reclaim_that_unmaps_in_batches_beside_marks_loses_no_write)
{
	struct crew c = { .op = page_out, .times = 50 };
	const char *why;
	struct stats before, d;
	struct swap swap;
	struct area big;

	ASSERT_EQ(0, area_new(&big, BIG_PAGES, self->m.from));
	why = swap_enable(&swap);
	SKIP_IF(return, why);
	EXPECT_EQ(0, stats_read(&before));
	beside(_metadata, &self->m, &big, &c);
	EXPECT_EQ(0, stats_since(&before, &d));
	EXPECT_LT(0, d.v[PSWPOUT]);
	area_free(&big);
	swap_disable(&swap);
}

static int compact(const struct crew *c, long i)
{
	return write_text("/proc/sys/vm/compact_memory", "1");
}

TEST_F(lazy, compaction_beside_marks_loses_no_write)
{
	struct crew c = { .op = compact, .times = 10 };

	if (read_long("/proc/sys/vm/compact_memory") == -ENOENT)
		SKIP(return, "kernel without compaction");
	beside(_metadata, &self->m, &self->a, &c);
	EXPECT_EQ(0, c.refused);
}

/*
 * Alternate between base pages, which always succeed, and a THP, which is
 * refused while its pages are busy.
 */
static int collapse_and_split(const struct crew *c, long i)
{
	if (i % 2 == 0)
		return split_thps(c->a);
	return madvise(c->a->base, area_bytes(c->a), MADV_COLLAPSE) ? -errno : 0;
}

TEST_F(lazy, collapse_and_split_beside_marks_lose_no_write)
{
	struct crew c = { .op = collapse_and_split, .times = 100 };
	const char *why = thp_missing();
	struct area thp;

	if (!why && access("/sys/kernel/debug/split_huge_pages", W_OK))
		why = "no debugfs, or may not split huge pages";
	SKIP_IF(return, why);
	ASSERT_EQ(0, area_new_thp(&thp, 1, self->m.from));
	ASSERT_EQ(0, stats_read(&self->before));
	beside(_metadata, &self->m, &thp, &c);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	TH_LOG("%ld of %ld collapses refused, %ld THPs split", c.refused, c.times / 2,
	       self->d.v[THP_SPLIT_PAGE]);
	/* The original THP, and some that collapse has made. */
	EXPECT_LT(1, self->d.v[THP_SPLIT_PAGE]);
	EXPECT_GT(c.times / 2, c.refused);
}

/* Split page tables and VMAs inside THPs, and merge them again. */
static int protect_in_part(const struct crew *c, long i)
{
	char *part = c->a->base + (i % 7 + 1) * (area_bytes(c->a) / 8);

	if (mprotect(part, area_bytes(c->a) / 16, PROT_READ | PROT_WRITE | PROT_EXEC))
		return -errno;
	return mprotect(part, area_bytes(c->a) / 16, PROT_READ | PROT_WRITE) ? -errno : 0;
}

TEST_F(lazy, mprotect_of_parts_beside_marks_loses_no_write)
{
	struct crew c = { .op = protect_in_part, .times = 100 };

	beside(_metadata, &self->m, &self->a, &c);
	EXPECT_EQ(0, c.refused);
}

TEST_F(lazy, mprotect_of_parts_of_thps_beside_marks_loses_no_write)
{
	struct crew c = { .op = protect_in_part, .times = 40 };
	struct area thp;

	SKIP_IF(return, thp_missing());
	ASSERT_EQ(0, area_new_thp(&thp, 1, self->m.from));
	beside(_metadata, &self->m, &thp, &c);
	EXPECT_EQ(0, c.refused);
}

/* The child inherits mappings and marks, and touches before it exits. */
static int fork_and_touch(const struct crew *c, long i)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		area_read(c->a);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -ECHILD;
	return status ? -EFAULT : 0;
}

TEST_F(lazy, children_that_touch_and_exit_beside_marks_lose_no_write)
{
	struct crew c = { .op = fork_and_touch, .times = 20 };

	beside(_metadata, &self->m, &self->a, &c);
	EXPECT_EQ(0, c.refused);
}

static int fork_and_exec(const struct crew *c, long i)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		page_read(c->a, i % c->a->pages);
		execl("/bin/true", "true", NULL);
		_exit(1);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -ECHILD;
	return status ? -EFAULT : 0;
}

TEST_F(lazy, children_that_exec_beside_marks_lose_no_write)
{
	struct crew c = { .op = fork_and_exec, .times = 10 };

	beside(_metadata, &self->m, &self->a, &c);
	EXPECT_EQ(0, c.refused);
}

/* Threads that mark and touch until exec(2) ends them. */
static void *mark_and_touch(void *arg)
{
	const struct area *a = arg;

	for (;;) {
		mark(a, MPOL_LOCAL, 0);
		area_write(a);
	}
	return NULL;
}

TEST_F(lazy, exec_beside_threads_that_mark_and_touch_succeeds)
{
	pthread_t thread;
	int round, i, status;
	pid_t pid;

	for (round = 0; round < 10; round++) {
		pid = fork();
		if (!pid) {
			for (i = 0; i < 3; i++)
				if (pthread_create(&thread, NULL, mark_and_touch, &self->a))
					_exit(1);
			run_on(round % 2 ? self->m.from : self->m.to);
			usleep(1000 * round);
			execl("/bin/true", "true", NULL);
			_exit(1);
		}
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status);
	}
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, area_bad(&self->a));
}

#include "lib/main.h"
