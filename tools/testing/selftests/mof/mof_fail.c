// SPDX-License-Identifier: GPL-2.0
/*
 * Each allocation of the call, of the touch and of fork(2) fails once, the first,
 * then the second, until none is left that could. The call may fail, the touch
 * never; contents, counters, charges and LRU lists are right afterwards, and
 * nothing leaks.
 */
#include <fcntl.h>
#include <limits.h>
#include <numa.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "lib/fault.h"
#include "lib/test.h"

#define MANY		500	/* allocations that no step has */
#define VERY_MANY	50000	/* nor fork(2), with all that it copies */
#define REPEATS		48	/* a leak must be seen beside what caches hold */
#define TRIES		4
#define TOLERATED	1024L	/* pages: less than a leak of one window each */

enum fail_kind {
	FAIL_SMALL,
	FAIL_SHARED,
	FAIL_FILE,
	FAIL_THP,
};

FIXTURE(fail)
{
	struct machine m;
	struct cgroup cg;
	struct disk disk;
	struct area a;
	struct stats before;
};

FIXTURE_VARIANT(fail)
{
	enum fail_kind kind;
	long run;		/* pages before the one that is touched with failures */
};

FIXTURE_VARIANT_ADD(fail, page) {
	.kind = FAIL_SMALL, .run = 0,
};

FIXTURE_VARIANT_ADD(fail, window) {
	.kind = FAIL_SMALL, .run = RUN_PAGES,
};

FIXTURE_VARIANT_ADD(fail, shared) {
	.kind = FAIL_SHARED, .run = RUN_PAGES,
};

FIXTURE_VARIANT_ADD(fail, file) {
	.kind = FAIL_FILE, .run = RUN_PAGES,
};

FIXTURE_VARIANT_ADD(fail, thp) {
	.kind = FAIL_THP, .run = 0,
};

static const char *fail_needs(struct disk *disk, enum fail_kind kind)
{
	const char *why = allocations_fail_start();

	if (!why && kind == FAIL_THP)
		why = thp_missing();
	if (!why && kind == FAIL_FILE)
		why = disk_mount(disk);
	return why;
}

static int file_area(struct area *a, const struct machine *m, long run,
		     const struct disk *disk)
{
	char path[96];
	int fd, err;

	snprintf(path, sizeof(path), "%s/file", disk->dir);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	if (fd < 0 || ftruncate(fd, (run + AREA_PAGES) * page_size()))
		return -errno;
	err = fault_area(a, m, run, MAP_SHARED, fd);
	if (!err && fsync(fd))	/* none is under writeback when it is touched */
		err = -errno;
	close(fd);
	return err;
}

static int fail_area(struct area *a, const struct machine *m, long run,
		     const struct disk *disk, enum fail_kind kind)
{
	if (kind == FAIL_THP)
		return area_new_thp(a, 1, m->from);
	if (kind == FAIL_FILE)
		return file_area(a, m, run, disk);
	return fault_area(a, m, run, MAP_ANONYMOUS |
			  (kind == FAIL_SHARED ? MAP_SHARED : MAP_PRIVATE), -1);
}

FIXTURE_SETUP(fail)
{
	const char *why = machine_setup(&self->m);

	if (!why)
		why = have_lazy() ? fail_needs(&self->disk, variant->kind) : NO_LAZY;
	if (!why)
		why = cgroup_enter(&self->cg, "+memory");
	if (why) {
		disk_umount(&self->disk);
		machine_restore(&self->m);
		SKIP(return, "%s", why);
	}
	EXPECT_EQ(0, run_on(self->m.from));
	ASSERT_EQ(0, fail_area(&self->a, &self->m, variant->run, &self->disk,
			       variant->kind));
	EXPECT_EQ(0, stats_read(&self->before));
}

FIXTURE_TEARDOWN_PARENT(fail)
{
	allocations_fail_stop();
	cgroup_leave(&self->cg);
	disk_umount(&self->disk);
	machine_restore(&self->m);
}

/* What holds after each failure. */
static void fail_check(struct __test_metadata *_metadata,
		       const struct machine *m, const struct area *a,
		       const struct stats *before)
{
	struct stats d;

	area_read(a);
	EXPECT_EQ(0, area_bad(a));
	EXPECT_EQ(0, area_hinted(a));
	ASSERT_EQ(0, stats_since(before, &d));
	EXPECT_EQ(0, stats_unreconciled(&d));
	EXPECT_EQ(a->pages, area_on(a, m->from) + area_on(a, m->to));
}

/* Where the group has what the area consists of. */
static const char *charge_of(enum fail_kind kind)
{
	if (kind == FAIL_FILE)
		return "file";
	return kind == FAIL_SHARED ? "shmem" : "anon";
}

/*
 * The touch succeeds, whatever fails. In the first round nothing does: the test
 * itself needs no more memory afterwards.
 */
TEST_F(fail, each_allocation_of_a_touch)
{
	const char *kind = charge_of(variant->kind);
	long nth, charged = 0, failures = 0;
	bool failed = true;

	for (nth = 0; failed && nth < MANY; nth++) {
		ASSERT_EQ(0, fault_begin(&self->m, &self->a));
		ASSERT_EQ(0, allocation_fails(nth));
		page_read(&self->a, 0);
		failed = allocation_has_failed() || nth == 0;
		failures += nth && failed;
		fail_check(_metadata, &self->m, &self->a, &self->before);
		ASSERT_EQ(0, run_on(self->m.from));
		EXPECT_EQ(0, cgroup_unlisted(&self->cg));
		if (nth == 0)
			charged = cgroup_stat(&self->cg, kind);
	}
	EXPECT_LE(area_bytes(&self->a), charged);
	EXPECT_EQ(charged, cgroup_stat(&self->cg, kind));
	EXPECT_LT(nth, MANY);
	EXPECT_LT(0, failures);
	TH_LOG("%ld allocations have failed", failures);
}

/* It may fail for want of memory; then nothing is marked. */
TEST_F(fail, each_allocation_of_the_call)
{
	long nth, err, failures = 0;
	bool failed = true;

	for (nth = 1; failed && nth < MANY; nth++) {
		ASSERT_EQ(self->a.pages, area_move(&self->a, self->m.from));
		drain_lru();
		ASSERT_EQ(0, allocation_fails(nth));
		err = mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to));
		failed = allocation_has_failed();
		failures += failed;
		if (err) {
			EXPECT_TRUE(failed);
			EXPECT_EQ(-ENOMEM, err);
			EXPECT_EQ(0, area_hinted(&self->a));
		} else {
			EXPECT_EQ(self->a.pages, area_hinted(&self->a));
		}
		fail_check(_metadata, &self->m, &self->a, &self->before);
		EXPECT_EQ(0, area_mbind(&self->a, MPOL_DEFAULT, 0, 0));
	}
	EXPECT_LT(nth, MANY);
	EXPECT_LT(0, failures);
	TH_LOG("%ld allocations have failed", failures);
	EXPECT_EQ(0, cgroup_unlisted(&self->cg));
}

/* A child that is not made, or looks at all, and goes. */
static int fork_and_look(const struct area *a)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(area_bad(a) ? 1 : 0);
	if (pid < 0)
		return -errno;
	return waitpid(pid, &status, 0) == pid ? -status : -errno;
}

TEST_F(fail, each_allocation_of_a_fork_beside_marks)
{
	long anon = cgroup_stat(&self->cg, "anon");
	bool failed = true;
	long nth;
	int err;

	if (variant->kind != FAIL_THP && !variant->run)
		SKIP(return, "the same as with a window");
	/* There are many: ever fewer of them. */
	for (nth = 1; failed && nth < VERY_MANY; nth += 1 + nth / 4) {
		ASSERT_EQ(0, fault_begin(&self->m, &self->a));
		ASSERT_EQ(0, allocation_fails(nth));
		err = fork_and_look(&self->a);
		failed = allocation_has_failed();
		if (err)
			EXPECT_EQ(-ENOMEM, err);
		fail_check(_metadata, &self->m, &self->a, &self->before);
		ASSERT_EQ(0, run_on(self->m.from));
	}
	EXPECT_FALSE(failed);
	EXPECT_LT(1, nth);
	EXPECT_GE(anon + 16 * page_size(), cgroup_stat(&self->cg, "anon"));
}

/* Free pages that CPUs keep for themselves; MemFree is without them. */
static long pages_of_cpus(void)
{
	FILE *f = fopen("/proc/zoneinfo", "r");
	long sum = 0, count;
	char line[128];

	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, " count: %ld", &count) == 1)
			sum += count;
	fclose(f);
	return sum;
}

/*
 * Pages that are neither free nor used by anything that has a line of its own in
 * /proc/meminfo. What caches of the slab allocator and checkers of the kernel keep
 * is in such lines.
 */
static long unaccounted(void)
{
	static const char * const known[] = {
		"MemFree:", "Buffers:", "Cached:", "SwapCached:", "AnonPages:",
		"Slab:", "KernelStack:", "PageTables:", "SecPageTables:",
		"Percpu:", "VmallocUsed:",
	};
	long kb = file_line("/proc/meminfo", "MemTotal:");
	unsigned long i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		kb -= file_line("/proc/meminfo", known[i]);
	return kb * 1024 / page_size() - pages_of_cpus();
}

/* Touches with a failure each; returns by how much the use of memory grows. */
static long use_after_failures(const struct machine *m, const struct area *a)
{
	long used = unaccounted(), i;

	for (i = 0; i < REPEATS; i++) {
		if (fault_begin(m, a) || allocation_fails(1 + i % 4))
			return LONG_MAX;
		page_read(a, 0);
		allocation_has_failed();
		area_read(a);
		run_on(m->from);
	}
	return unaccounted() - used;
}

/*
 * What is allocated by the time of a failure must not stay allocated. A leak is
 * there each time; what is only kept, such as stack traces, is not.
 */
TEST_F(fail, many_failures_leave_as_much_free_memory)
{
	long grown, tries = 0;

	do {
		grown = use_after_failures(&self->m, &self->a);
	} while (grown >= TOLERATED && ++tries < TRIES);
	EXPECT_GT(TOLERATED, grown);
	fail_check(_metadata, &self->m, &self->a, &self->before);
}

#include "lib/main.h"
