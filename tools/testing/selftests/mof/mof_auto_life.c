// SPDX-License-Identifier: GPL-2.0
/*
 * kernel.numa_balancing=4 across mode changes, fork, exec, exit and CPU
 * hotplug.
 */
#include <sched.h>

#include "lib/test.h"
#include "lib/auto.h"

#define EXTENTS		2
#define PROCESSES	40
#define AT_A_TIME	4
#define WARM_UP		8	/* processes */
#define PATIENCE	60	/* seconds */
#define TOLERATED	(409L * PROCESSES)	/* bytes of slab */

FIXTURE(life)
{
	struct machine m;
	struct cgroup cg;
	struct area a;
	struct sweeper t[2];
	struct stats before;
	struct stats d;
};

/* An area on m.from that threads on both nodes can share. */
FIXTURE_SETUP(life)
{
	SKIP_SETUP(return, &self->m, automatic_setup(&self->m));
	ASSERT_EQ(0, run_on(self->m.from));
	ASSERT_EQ(0, area_new_extents(&self->a, EXTENTS, self->m.from));
	self->t[0] = (struct sweeper) { .a = &self->a, .node = self->m.from };
	self->t[1] = (struct sweeper) { .a = &self->a, .node = self->m.to, .slot = 1 };
	ASSERT_EQ(0, stats_read(&self->before));
	ASSERT_EQ(0, write_long(BALANCING, 4));
}

FIXTURE_TEARDOWN_PARENT(life)
{
	node_cpus_set(self->m.to, true);
	cgroup_leave(&self->cg);
	machine_restore(&self->m);
}

static int start_both(struct sweeper *t)
{
	return sweeper_start(&t[0]) ? : sweeper_start(&t[1]);
}

/* Returns the number of lost writes. */
static long stop_both(struct sweeper *t)
{
	sweeper_stop(&t[0]);
	sweeper_stop(&t[1]);
	return t[0].lost + t[1].lost;
}

static void work_both(const struct sweeper *t, double seconds)
{
	sweeper_work(&t[0], seconds);
	sweeper_work(&t[1], 0);
}

/* Modes */

static pid_t switch_modes(int times)
{
	static const int modes[] = { 4, 0, 1, 4, 1, 0 };
	pid_t pid = fork();
	int i, err = 0;

	if (pid)
		return pid;
	for (i = 0; i < times; i++) {
		err = write_long(BALANCING, modes[i % ARRAY_SIZE(modes)]) ? : err;
		usleep(1000 * (i % 7) * (i % 13));
	}
	_exit(err ? 1 : 0);
}

TEST_F(life, modes_that_change_lose_no_write_and_0_ends_it)
{
	int status;
	pid_t pid;

	pid = switch_modes(200);
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, start_both(self->t));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_LT(0, self->d.v[MOF_SAMPLES]);
	EXPECT_EQ(0, write_long(BALANCING, 0));
	work_both(self->t, 0.1);	/* a step may be in progress */
	ASSERT_EQ(0, stats_read(&self->before));
	work_both(self->t, 1);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, self->d.v[MOF_SAMPLES]);
	EXPECT_EQ(0, self->d.v[MOF_ARMED]);
	EXPECT_EQ(0, self->d.v[NUMA_PTE_UPDATES]);
	EXPECT_EQ(0, self->d.v[NUMA_HINT_FAULTS]);
	EXPECT_EQ(0, area_hinted(&self->a));
	EXPECT_EQ(0, stop_both(self->t));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(life, memory_is_found_as_soon_as_the_mode_is_on)
{
	ASSERT_EQ(0, write_long(BALANCING, 0));
	ASSERT_EQ(0, sweeper_start(&self->t[1]));
	sweeper_work(&self->t[1], 0.5);
	EXPECT_EQ(self->a.pages, area_on(&self->a, self->m.from));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, self->d.v[NUMA_PTE_UPDATES]);
	ASSERT_EQ(0, write_long(BALANCING, 4));
	EXPECT_TRUE(sweeper_settles(&self->t[1]));
	sweeper_stop(&self->t[1]);
	EXPECT_EQ(0, self->t[1].lost);
	EXPECT_EQ(0, area_bad(&self->a));
}

/* Processes */

/* Access memory on another node until most of it has been migrated here. */
static int follow(const struct area *a, int node)
{
	time_t end = time(NULL) + PATIENCE;

	while (area_on(a, node) < a->pages * 95 / 100) {
		if (time(NULL) > end)
			return 1;
		for (int i = 0; i < 10; i++)
			area_write(a);
	}
	return 0;
}

/* A process that is sampled, and ends by exit or by exec. */
static pid_t short_process(const struct machine *m, bool exec)
{
	pid_t pid = fork();
	struct area a;

	if (pid)
		return pid;
	if (run_on(m->to) || area_new_extents(&a, 1, m->from) || follow(&a, m->to))
		_exit(1);
	if (exec)
		execlp("true", "true", NULL);
	_exit(exec ? 2 : 0);
}

/* Returns the number of processes that failed. */
static int short_processes(const struct machine *m, int times)
{
	int started = 0, ended, failed = 0, status;

	for (ended = 0; ended < times; ended++) {
		while (started < times && started - ended < AT_A_TIME)
			short_process(m, started++ % 2);
		if (wait(&status) < 0 || status)
			failed++;
	}
	return failed;
}

/* Freed kernel memory may stay charged for a moment. */
static long slab_grown(const struct cgroup *cg, long before)
{
	long grown = 0;
	int look;

	for (look = 0; look < 100; look++) {
		grown = cgroup_stat(cg, "slab_unreclaimable") - before;
		if (grown <= TOLERATED)
			break;
		usleep(100000);
	}
	return grown;
}

/* On a debug kernel, a process takes more than a second. */
TEST_F_TIMEOUT(life, exit_and_exec_leave_nothing, 480)
{
	long slab, grown;

	SKIP_IF(return, cgroup_enter(&self->cg, "+memory"));
	area_free(&self->a);
	ASSERT_EQ(0, short_processes(&self->m, WARM_UP));
	usleep(3000000);
	slab = cgroup_stat(&self->cg, "slab_unreclaimable");
	ASSERT_LT(0, slab);
	ASSERT_EQ(0, stats_read(&self->before));
	EXPECT_EQ(0, short_processes(&self->m, PROCESSES));
	grown = slab_grown(&self->cg, slab);
	TH_LOG("%ld bytes more after %d processes", grown, PROCESSES);
	EXPECT_GE(TOLERATED, grown);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_LE(PROCESSES, self->d.v[MOF_ARMED]);
}

static int follow_as_vfork(void *arg)
{
	const struct sweeper *t = arg;

	return run_on(t->node) ? 2 : follow(t->a, t->node);
}

/* vfork(2) with a stack of its own, so that the child may call functions. */
TEST_F(life, child_of_vfork_is_part_of_it)
{
	char *stack = malloc(65536);
	int status;
	pid_t pid;

	ASSERT_NE(NULL, stack);
	pid = clone(follow_as_vfork, stack + 65536, CLONE_VM | CLONE_VFORK | SIGCHLD,
		    &self->t[1]);
	ASSERT_LT(0, pid);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_LT(0, self->d.v[MOF_ARMED]);
	EXPECT_EQ(0, area_bad(&self->a));
	free(stack);
}

/* The machine */

TEST_F(life, cpus_of_a_node_that_go_and_come_lose_no_write)
{
	int round;

	if (!cpus_can_go(self->m.to))
		SKIP(return, "kernel without CPU hotplug, or only CPU 0");
	ASSERT_EQ(0, start_both(self->t));
	for (round = 0; round < 2; round++) {
		EXPECT_EQ(0, node_cpus_set(self->m.to, false));
		work_both(self->t, 0.2);
		EXPECT_EQ(0, node_cpus_set(self->m.to, true));
		work_both(self->t, 0.2);
	}
	EXPECT_EQ(0, stop_both(self->t));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_LT(0, self->d.v[MOF_SAMPLES]);
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, area_bad(&self->a));
}

static int allow(const struct cgroup *cg, int first, int last)
{
	char text[32];

	snprintf(text, sizeof(text), "%d,%d", first, last);
	return cgroup_write(cg, "cpuset.mems", text);
}

TEST_F(life, memory_stays_within_a_cpuset_that_changes)
{
	int from = self->m.from, to = self->m.to;
	int round, node;

	SKIP_IF(return, cgroup_enter(&self->cg, "+cpuset"));
	ASSERT_EQ(0, start_both(self->t));
	for (round = 0; round < 6; round++) {
		node = round % 2 ? from : to;
		EXPECT_EQ(0, allow(&self->cg, from, to));
		work_both(self->t, 0.3);
		EXPECT_EQ(0, allow(&self->cg, node, node));
		work_both(self->t, 0.3);
		EXPECT_EQ(self->a.pages, area_on(&self->a, node));
	}
	EXPECT_EQ(0, stop_both(self->t));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_LT(0, self->d.v[MOF_SAMPLES]);
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, area_bad(&self->a));
}

#include "lib/main.h"
