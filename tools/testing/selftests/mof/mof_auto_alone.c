// SPDX-License-Identifier: GPL-2.0
/*
 * kernel.numa_balancing=4 leaves memory alone that is local or allowed on one
 * node only: no fault, no page table entry changed. A young process does not
 * request a step at every tick either.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/test.h"
#include "lib/auto.h"
#include "lib/trace.h"

#define EXTENTS		4
#define WATCH_SECONDS	2	/* of CPU time: far more than a migration takes */

FIXTURE(alone)
{
	struct machine m;
	struct area a;
	struct stats before;
	struct stats d;
};

FIXTURE_SETUP(alone)
{
	SKIP_SETUP(return, &self->m, automatic_setup(&self->m));
	ASSERT_EQ(0, run_on(self->m.from));
	ASSERT_EQ(0, area_new_extents(&self->a, EXTENTS, self->m.from));
}

FIXTURE_TEARDOWN_PARENT(alone)
{
	machine_restore(&self->m);
}

/* With mode 4, two threads access the area from these nodes. */
static int use_from(const struct area *a, int node, int other, struct stats *d)
{
	struct sweeper t[2] = {
		{ .a = a, .node = node },
		{ .a = a, .node = other, .slot = 1 },
	};
	struct stats before;
	int err;

	err = write_long(BALANCING, 4) ? : sweeper_start(&t[0]) ? : sweeper_start(&t[1]);
	if (err)
		return err;
	/* Wait until both run on their nodes and have touched their stacks. */
	sweeper_work(&t[0], 0);
	sweeper_work(&t[1], 0);
	stats_read(&before);
	sweeper_work(&t[0], WATCH_SECONDS);
	sweeper_work(&t[1], 0);
	err = stats_since(&before, d);
	sweeper_stop(&t[0]);
	sweeper_stop(&t[1]);
	return err ? : t[0].lost + t[1].lost;
}

static void expect_nothing(struct __test_metadata *_metadata, const struct stats *d)
{
	EXPECT_EQ(0, d->v[MOF_SAMPLES]);
	EXPECT_EQ(0, d->v[MOF_ARMED]);
	EXPECT_EQ(0, d->v[MOF_MARKED]);
	EXPECT_EQ(0, d->v[MOF_FAULTS]);
	EXPECT_EQ(0, d->v[NUMA_PTE_UPDATES]);
	EXPECT_EQ(0, d->v[NUMA_HINT_FAULTS]);
	EXPECT_EQ(0, d->v[NUMA_PAGES_MIGRATED]);
}

/* Gather pages of libraries, which are on the nodes of first readers. */
static void gather(int node)
{
	unsigned long others = memory_nodes() & ~NODE_MASK(node);
	unsigned long to = NODE_MASK(node);

	migrate_pages(0, MAX_NODE, &others, &to);
}

TEST_F(alone, process_on_one_node_with_its_memory_there)
{
	gather(self->m.from);
	ASSERT_EQ(0, use_from(&self->a, self->m.from, self->m.from, &self->d));
	expect_nothing(_metadata, &self->d);
	EXPECT_EQ(self->a.pages, area_on(&self->a, self->m.from));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(alone, bound_process_on_two_nodes)
{
	ASSERT_EQ(0, set_task_policy(MPOL_BIND, NODE_MASK(self->m.from)));
	ASSERT_EQ(0, use_from(&self->a, self->m.from, self->m.to, &self->d));
	expect_nothing(_metadata, &self->d);
	EXPECT_EQ(self->a.pages, area_on(&self->a, self->m.from));
	EXPECT_EQ(0, area_bad(&self->a));
}

/* Control for the other tests */
TEST_F(alone, not_so_a_process_that_is_not_bound)
{
	ASSERT_EQ(0, use_from(&self->a, self->m.from, self->m.to, &self->d));
	EXPECT_LT(0, self->d.v[MOF_SAMPLES]);
	EXPECT_LT(0, self->d.v[NUMA_PTE_UPDATES]);
	EXPECT_LT(0, self->d.v[NUMA_HINT_FAULTS]);
	EXPECT_EQ(0, area_bad(&self->a));
}

/* The cpuset has CPUs of all nodes, and memory of one node. */
TEST_F(alone, cpuset_with_memory_of_one_node)
{
	const char *why;
	struct cgroup cg;
	char text[16];

	why = cgroup_enter(&cg, "+cpuset");
	SKIP_IF(return, why);
	snprintf(text, sizeof(text), "%d", self->m.from);
	EXPECT_EQ(0, cgroup_write(&cg, "cpuset.mems", text));
	EXPECT_EQ(0, use_from(&self->a, self->m.to, self->m.to, &self->d));
	expect_nothing(_metadata, &self->d);
	EXPECT_EQ(0, use_from(&self->a, self->m.from, self->m.to, &self->d));
	expect_nothing(_metadata, &self->d);
	cgroup_leave(&cg);
	EXPECT_EQ(self->a.pages, area_on(&self->a, self->m.from));
	EXPECT_EQ(0, area_bad(&self->a));
}

/* A single-threaded process that has run for less than a second */

#define YOUNG_MS	800	/* of CPU time */
#define PERIOD_MIN	"/sys/kernel/debug/sched/numa_balancing/lazy_period_min_ms"
#define FEW		3	/* requests beyond one per period: the first one, and both ends */

enum { TICK, STEP };

static const struct probe probes[] = {
	[TICK] = { "tick", "__mof_tick v0=@jiffies_64:u64" },
	[STEP] = { "step", "__mof_work v0=@jiffies_64:u64" },
};

FIXTURE(young)
{
	struct machine m;
	long period;		/* minimum interval between two steps, in jiffies */
};

/* The clock has a resolution of one jiffy. */
static long ms_to_jiffies(long ms)
{
	struct timespec tick;

	clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	return (ms * 1000000 + tick.tv_nsec - 1) / tick.tv_nsec;
}

FIXTURE_SETUP(young)
{
	const char *why = automatic_setup(&self->m);
	long ms = read_long(PERIOD_MIN);

	SKIP_SETUP(return, &self->m, why);
	why = ms > 0 ? probes_add(probes, ARRAY_SIZE(probes)) : "needs debugfs";
	if (why) {
		probes_remove();
		machine_restore(&self->m);
		SKIP(return, "%s", why);
	}
	self->period = ms_to_jiffies(ms);
	ASSERT_EQ(0, run_on(self->m.from));
	ASSERT_EQ(0, write_long(BALANCING, 4));
}

FIXTURE_TEARDOWN_PARENT(young)
{
	probes_remove();
	machine_restore(&self->m);
}

static long cpu_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A child that spins for @ms of CPU time once @go has been written to. */
static pid_t child_that_runs(long ms, int go[2])
{
	pid_t pid;
	char byte;

	if (pipe(go))
		return -errno;
	pid = fork();
	if (pid)
		return pid;
	if (read(go[0], &byte, 1) != 1)
		_exit(1);
	while (cpu_ms() < ms)
		;
	_exit(0);
}

/*
 * While a process on one node is young, each step returns early. The tick must
 * not request the next step before the period is over. Time is in the kernel's
 * jiffies.
 */
TEST_F(young, process_on_one_node_is_asked_for_a_step_once_in_a_period)
{
	long nr, i, steps = 0, elapsed;
	struct hit *hits;
	int go[2], status;
	pid_t pid;

	pid = child_that_runs(YOUNG_MS, go);
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, probes_start(pid));
	ASSERT_EQ(1, write(go[1], "g", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	nr = probes_stop(&hits);
	ASSERT_LT(0, nr);
	for (i = 0; i < nr; i++)
		steps += hits[i].probe == STEP;
	elapsed = hits[nr - 1].value[0] - hits[0].value[0];
	TH_LOG("%ld requests, %ld ticks, %ld jiffies, period %ld", steps, nr - steps,
	       elapsed, self->period);
	EXPECT_LT(4 * self->period, nr - steps);
	EXPECT_GE(elapsed / self->period + FEW, steps);
	free(hits);
}

/* VMAs with a policy, in a process with other memory that migrates */

FIXTURE(area)
{
	struct machine m;
	struct area a;
	struct area control;
	struct stats before;
	struct stats d;
};

/* Kind of @a; the process itself is bound to m.from. */
FIXTURE_VARIANT(area)
{
	int mode;
	bool both;	/* nodes: m.from, or both */
	bool read_only;
};

FIXTURE_VARIANT_ADD(area, bound_to_one_node) {
	.mode = MPOL_BIND,
};

FIXTURE_VARIANT_ADD(area, bound_to_one_node_and_balanced) {
	.mode = MPOL_BIND | MPOL_F_NUMA_BALANCING,
};

FIXTURE_VARIANT_ADD(area, bound_to_both_nodes) {
	.mode = MPOL_BIND, .both = true,
};

FIXTURE_VARIANT_ADD(area, one_node_preferred) {
	.mode = MPOL_PREFERRED,
};

FIXTURE_VARIANT_ADD(area, interleaved) {
	.mode = MPOL_INTERLEAVE, .both = true,
};

FIXTURE_VARIANT_ADD(area, local) {
	.mode = MPOL_LOCAL,
};

FIXTURE_VARIANT_ADD(area, file_mapped_for_reading) {
	.mode = MPOL_DEFAULT, .read_only = true,
};

static int read_only_file(struct area *a, int node)
{
	int fd = memfd_create("mof", 0), err;

	if (fd < 0 || ftruncate(fd, EXTENTS * extent_pages() * page_size()))
		return -errno;
	err = area_map_file(a, EXTENTS * extent_pages(), PROT_READ | PROT_WRITE, MAP_SHARED, fd) ? :
	      area_place(a, node);
	if (!err && mmap(a->base, area_bytes(a), PROT_READ, MAP_PRIVATE | MAP_FIXED,
			 fd, 0) == MAP_FAILED)
		err = -errno;
	close(fd);
	area_read(a);
	return err;
}

FIXTURE_SETUP(area)
{
	unsigned long nodes, both;

	SKIP_SETUP(return, &self->m, automatic_setup(&self->m));
	both = NODE_MASK(self->m.from) | NODE_MASK(self->m.to);
	nodes = variant->both ? both : NODE_MASK(self->m.from);
	ASSERT_EQ(0, run_on(self->m.to));
	if (variant->read_only) {
		ASSERT_EQ(0, read_only_file(&self->a, self->m.from));
	} else {
		ASSERT_EQ(0, area_new_extents(&self->a, EXTENTS, self->m.from));
		ASSERT_EQ(0, area_mbind(&self->a, variant->mode,
					variant->mode == MPOL_LOCAL ? 0 : nodes, 0));
	}
	ASSERT_EQ(0, area_new_extents(&self->control, EXTENTS, self->m.from));
	ASSERT_EQ(0, stats_read(&self->before));
	ASSERT_EQ(0, write_long(BALANCING, 4));
}

FIXTURE_TEARDOWN_PARENT(area)
{
	machine_restore(&self->m);
}

/* Access the area until the sweeper's memory has been migrated. */
static long hinted_until_settled(const struct area *a, const struct sweeper *t)
{
	long hinted = 0;

	do {
		for (int i = 0; i < 20; i++)
			area_read(a);
		hinted += area_hinted(a);
	} while (sweeper_misplaced(t) > t->a->pages / 20);
	return hinted;
}

TEST_F(area, is_neither_sampled_nor_moved_while_another_is)
{
	struct sweeper t = { .a = &self->control, .node = self->m.to };
	struct sweeper other = { .node = self->m.from };
	struct area b;

	ASSERT_EQ(0, area_new(&b, 1, self->m.from));
	other.a = &b;
	ASSERT_EQ(0, sweeper_start(&other));
	ASSERT_EQ(0, sweeper_start(&t));
	EXPECT_EQ(0, hinted_until_settled(&self->a, &t));
	sweeper_stop(&t);
	sweeper_stop(&other);
	EXPECT_EQ(self->a.pages, area_on(&self->a, self->m.from));
	EXPECT_EQ(0, area_hinted(&self->a));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_LT(0, self->d.v[MOF_ARMED]);
	EXPECT_EQ(0, t.lost + other.lost);
	EXPECT_EQ(0, area_bad(&self->a));
}

#include "lib/main.h"
