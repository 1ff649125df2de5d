// SPDX-License-Identifier: GPL-2.0
/*
 * Injected failures: allocations, and functions that may fail for other
 * reasons, fail in the call, in a touch, in fork(2) and in steps of the
 * automatic mode. The call may fail, a touch never; contents, counters, charges
 * and LRU lists stay right, and nothing leaks.
 */
#include <fcntl.h>
#include <limits.h>
#include <numa.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/auto.h"
#include "lib/fault.h"
#include "lib/test.h"

#define MANY		500	/* more allocations than any touch or call has */
#define VERY_MANY	50000	/* more allocations than fork(2) has */
#define REPEATS		48	/* so that a leak exceeds the fluctuation of caches */
#define TRIES		4
#define TOLERATED	1024L	/* pages: less than one leaked window per repetition */
#define STEPS		30	/* of the automatic mode */
#define MOST_STEPS	600	/* limit while no step allocates */
#define STEP_MSECS	30
#define ALL		1000000L	/* more calls than a test has */
#define COPY		"mof_copy_folio"
#define EHWPOISON_TEXT	"0xffffffffffffff7b"	/* -133, in the format of the file */

/* Allocations */

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
	long run;		/* pages in front of the page that is touched with failures */
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
	if (!err && fsync(fd))	/* no page is under writeback at the touch */
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
	const char *why = machine_setup_lazy(&self->m);

	if (!why)
		why = fail_needs(&self->disk, variant->kind);
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

/* Checks after each failure. */
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

/* The line of memory.stat that accounts for the area. */
static const char *charge_of(enum fail_kind kind)
{
	if (kind == FAIL_FILE)
		return "file";
	return kind == FAIL_SHARED ? "shmem" : "anon";
}

/*
 * The touch succeeds with any failure. The first round is without failure, so
 * that the test itself allocates nothing later.
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

/* The call may fail with ENOMEM, and then has marked nothing. */
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

/* Fork, if possible, a child that compares the area and exits. */
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
		SKIP(return, "same as variant window");
	/* fork(2) has many allocations: fail ever fewer of the later ones. */
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

/* Free pages on per-CPU lists, which MemFree does not include. */
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
 * Pages that are neither free nor accounted for by a line of /proc/meminfo.
 * Caches of the slab allocator and of debugging features are in such lines.
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

/* Touch with one failure each; returns the growth in unaccounted pages. */
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
 * Memory allocated before the failure must be freed. A leak repeats in every
 * round; caches, such as that of stack traces, grow once.
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

/* Functions */

FIXTURE(step)
{
	struct machine m;
	struct cgroup cg;
	struct area a;
	struct stats before;
	struct stats d;
};

/*
 * @retval: in the format of the function's retval file
 * @moves: the page migrates by another path, or at the second attempt
 * @again: number of repeated faults, as the page may be busy for a moment only
 */
FIXTURE_VARIANT(step)
{
	const char *function;
	const char *retval;
	bool shared;
	bool moves;
	long again;
};

FIXTURE_VARIANT_ADD(step, direct_alloc) {
	.function = "mof_direct_alloc", .retval = "0", .moves = true,
};

FIXTURE_VARIANT_ADD(step, isolate) {
	.function = "mof_isolate", .retval = "0", .shared = true, .moves = true,
	.again = 1,
};

FIXTURE_VARIANT_ADD(step, node_is_full) {
	.function = "mof_node_is_full", .retval = "1", .moves = true,
};

FIXTURE_VARIANT_ADD(step, copy) {
	.function = "mof_copy_folio", .retval = "0xffffffffffffff7b",
};

FIXTURE_SETUP(step)
{
	const char *why = machine_setup_lazy(&self->m);

	if (!why)
		why = function_fails_start(variant->function, variant->retval);
	if (!why)
		why = cgroup_enter(&self->cg, "+memory");
	SKIP_SETUP(return, &self->m, why);
	EXPECT_EQ(0, run_on(self->m.from));
	ASSERT_EQ(0, fault_area(&self->a, &self->m, 0, MAP_ANONYMOUS |
				(variant->shared ? MAP_SHARED : MAP_PRIVATE), -1));
	EXPECT_EQ(0, stats_read(&self->before));
}

FIXTURE_TEARDOWN_PARENT(step)
{
	function_fails_stop(variant->function);
	cgroup_leave(&self->cg);
	machine_restore(&self->m);
}

/* Touch all pages while @times calls fail; returns how many did. */
static long touch_with_failures(const struct area *a, long times)
{
	long left;

	if (function_fails(times))
		return -EIO;
	area_read(a);
	left = function_fails_left();
	return function_fails(0) || left < 0 ? -EIO : times - left;
}

/* Let no call fail, then more and more of the first ones, and then all. */
TEST_F(step, that_fails_leaves_contents_counters_and_charges)
{
	const char *kind = variant->shared ? "shmem" : "anon";
	long charged = 0, times, failures;

	/* Without failures at first: later the test allocates nothing. */
	for (times = 1 - AREA_PAGES / 4; times <= AREA_PAGES + 1; times += AREA_PAGES / 4) {
		ASSERT_EQ(0, fault_begin(&self->m, &self->a));
		failures = touch_with_failures(&self->a, times > AREA_PAGES ? ALL :
							 times > 0 ? times : 0);
		EXPECT_EQ(times > 0, failures > 0);
		ASSERT_EQ(0, stats_since(&self->before, &self->d));
		EXPECT_EQ(0, stats_unreconciled(&self->d));
		EXPECT_EQ(0, area_bad(&self->a));
		EXPECT_EQ(0, area_hinted(&self->a));
		if (times > 0 && !variant->moves)
			EXPECT_LT(0, stats_failed(&self->d));
		ASSERT_EQ(0, run_on(self->m.from));
		if (times <= 0) {
			cgroup_unlisted(&self->cg);
			charged = cgroup_stat(&self->cg, kind);
		}
	}
	EXPECT_EQ(0, cgroup_unlisted(&self->cg));
	EXPECT_LT(0, charged);
	EXPECT_EQ(charged, cgroup_stat(&self->cg, kind));
}

TEST_F(step, that_fails_once_costs_one_more_fault_at_most)
{
	ASSERT_EQ(0, fault_begin(&self->m, &self->a));
	ASSERT_EQ(0, stats_read(&self->before));
	ASSERT_EQ(0, function_fails(1));
	page_write(&self->a, 0);
	EXPECT_EQ(0, function_fails_left());
	ASSERT_EQ(0, function_fails(0));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(variant->moves ? self->m.to : self->m.from, page_node(&self->a, 0));
	EXPECT_EQ(1 + variant->again, self->d.v[MOF_FAULTS]);
	EXPECT_EQ(variant->again, self->d.v[MOF_RETRIED]);
	EXPECT_EQ(variant->moves ? 0 : 1, self->d.v[MOF_FAILED_BUSY]);
	EXPECT_EQ(1, self->d.v[MOF_RESOLVED]);
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	area_read(&self->a);
	EXPECT_EQ(0, area_hinted(&self->a));
	EXPECT_EQ(0, area_bad(&self->a));
}

FIXTURE(sampling)
{
	struct machine m;
	struct area a;
	struct sweeper t;
	struct stats before;
	struct stats d;
};

/* The failing function, or NULL for allocations */
FIXTURE_VARIANT(sampling)
{
	const char *function;
};

FIXTURE_VARIANT_ADD(sampling, allocations) { };

FIXTURE_VARIANT_ADD(sampling, history) {
	.function = "mof_extent_put",
};

FIXTURE_VARIANT_ADD(sampling, state) {
	.function = "mof_mm_get",
};

FIXTURE_SETUP(sampling)
{
	const char *why = automatic_setup(&self->m);

	if (!why && variant->function)
		why = function_fails_start(variant->function, "0");
	else if (!why)
		why = allocations_fail_start();
	SKIP_SETUP(return, &self->m, why);
	ASSERT_EQ(0, run_on(self->m.from));
	ASSERT_EQ(0, area_new_extents(&self->a, 2, self->m.from));
	self->t = (struct sweeper) { .a = &self->a, .node = self->m.to, .slot = 1 };
	ASSERT_EQ(0, stats_read(&self->before));
	ASSERT_EQ(0, write_long(BALANCING, 4));
}

FIXTURE_TEARDOWN_PARENT(sampling)
{
	if (variant->function)
		function_fails_stop(variant->function);
	else
		allocations_fail_stop();
	machine_restore(&self->m);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Spin, so that ticks request steps, while the @nth allocation fails. */
static bool run_with_failure(const struct area *a, long nth)
{
	double end = now() + STEP_MSECS / 1e3;

	if (nth)
		allocation_fails(nth);
	while (now() < end)
		page_read(a, nth);
	return nth && allocation_has_failed();
}

/*
 * No other thread makes steps. Changing nodes causes samples to be marked,
 * whose history is allocated here. Returns the number of failed allocations.
 */
static long run_without_memory(const struct machine *m, const struct area *a)
{
	long step, failures = 0;

	for (step = 0; step < STEPS || (!failures && step < MOST_STEPS); step++) {
		run_on(step % 2 ? m->to : m->from);
		failures += run_with_failure(a, 1 + step % 4);
	}
	run_on(m->from);
	return failures;
}

/* Let its memory follow a thread; returns the number of failed calls. */
static long run_without_function(struct sweeper *t)
{
	long step, left;

	if (function_fails(STEPS) || sweeper_start(t))
		return -EIO;
	for (step = 0; step < STEPS; step++)
		run_with_failure(t->a, 0);
	left = function_fails_left();
	return function_fails(0) || left < 0 ? -EIO : STEPS - left;
}

TEST_F(sampling, steps_that_fail_lose_nothing)
{
	long failures;

	if (variant->function) {
		failures = run_without_function(&self->t);
	} else {
		failures = run_without_memory(&self->m, &self->a);
		ASSERT_EQ(0, sweeper_start(&self->t));
	}
	TH_LOG("%ld failures", failures);
	EXPECT_LT(0, failures);
	/* Failed steps are retried. */
	EXPECT_TRUE(sweeper_settles(&self->t));
	sweeper_stop(&self->t);
	EXPECT_EQ(0, self->t.lost);
	ASSERT_EQ(0, write_long(BALANCING, 0));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_LT(0, self->d.v[MOF_ARMED]);
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, area_bad(&self->a));
}

FIXTURE(poison)
{
	struct machine m;
	struct area a;
	long window;		/* saved vm.mof_window_pages */
	struct stats before;
	struct stats d;
};

FIXTURE_VARIANT(poison)
{
	long window;
};

FIXTURE_VARIANT_ADD(poison, window_1) {
	.window = 1,
};

FIXTURE_VARIANT_ADD(poison, window_64) {
	.window = 64,
};

FIXTURE_VARIANT_ADD(poison, window_512) {
	.window = 512,
};

FIXTURE_SETUP(poison)
{
	const char *why = machine_setup_lazy(&self->m);

	self->window = read_long(WINDOW);
	if (!why)
		why = function_fails_start(COPY, EHWPOISON_TEXT);
	SKIP_SETUP(return, &self->m, why);
	ASSERT_EQ(0, write_long(WINDOW, variant->window));
	ASSERT_EQ(0, run_on(self->m.from));
	ASSERT_EQ(0, fault_area(&self->a, &self->m, RUN_PAGES,
				MAP_PRIVATE | MAP_ANONYMOUS, -1));
	ASSERT_EQ(0, fault_begin(&self->m, &self->a));
	ASSERT_EQ(0, stats_read(&self->before));
}

FIXTURE_TEARDOWN_PARENT(poison)
{
	function_fails_stop(COPY);
	if (self->window >= 0)
		write_long(WINDOW, self->window);
	machine_restore(&self->m);
}

TEST_F(poison, in_the_touched_page_leaves_it_where_it_is_and_counts_once)
{
	ASSERT_EQ(0, function_fails(1));
	page_write(&self->a, 0);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(variant->window == 1 ? 1 : RUN_WINDOW, self->d.v[MOF_RESOLVED]);
	EXPECT_EQ(self->m.from, page_node(&self->a, 0));
	EXPECT_EQ(1, stats_failed(&self->d));
	EXPECT_EQ(0, self->d.v[MOF_FAILED_NOMEM]);
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	area_write(&self->a);
	EXPECT_EQ(AREA_PAGES - 1, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_hinted(&self->a));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(poison, in_each_of_several_pages_leaves_those_and_moves_the_others)
{
	ASSERT_EQ(0, function_fails(7));
	area_read(&self->a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(7, area_on(&self->a, self->m.from));
	EXPECT_EQ(AREA_PAGES - 7, area_on(&self->a, self->m.to));
	EXPECT_EQ(7, stats_failed(&self->d));
	EXPECT_EQ(AREA_PAGES - 7, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_RESOLVED]);
	EXPECT_EQ(0, area_hinted(&self->a));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(poison, in_all_pages_moves_none_and_every_touch_succeeds)
{
	struct area new = self->a;

	ASSERT_EQ(0, function_fails(-1));
	new.seed += 1;
	area_fill(&new);
	function_fails_stop(COPY);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.from));
	EXPECT_EQ(AREA_PAGES, stats_failed(&self->d));
	EXPECT_EQ(0, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(0, area_hinted(&self->a));
	EXPECT_EQ(0, area_bad(&new));
}

TEST_F(poison, that_is_gone_by_the_next_mark_lets_the_page_move)
{
	ASSERT_EQ(0, function_fails(-1));
	area_write(&self->a);
	function_fails_stop(COPY);
	drain_lru();
	ASSERT_EQ(0, mark(&self->a, MPOL_DEFAULT, 0));
	EXPECT_EQ(AREA_PAGES, area_hinted(&self->a));
	area_write(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

#include "lib/main.h"
