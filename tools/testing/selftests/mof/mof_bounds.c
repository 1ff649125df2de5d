// SPDX-License-Identifier: GPL-2.0
/*
 * Cost that an unprivileged user can impose on the kernel and on others: memory
 * and time stay within the documented bounds for address spaces of maximum
 * size.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "lib/auto.h"
#include "lib/user.h"

#define TABLES		((128L << 20) / page_size())	/* 64 GiB on x86 */
#define MANY		(1024L * 1024)	/* VMAs */
#define HUGE_BYTES	(1024L * 1024 * MANY)
#define ENOUGH		2048	/* VMAs: kernels that verify their maple trees create few */
#define FEW		1024L		/* pages */
#define TRIES		3
#define LOOPS		40
#define CALLS		100		/* in each */
#define EXTENTS		256L
#define LOOKED_AT	128L		/* pages; one of four samples finds one */
#define KILLS		16
#define SHORT		32	/* minimum interval between two steps, in milliseconds */
#define PATIENCE	40	/* polls of half a second */
#define NODE_BYTES	592L		/* size of an xarray node, with 16 bytes of charge */

/* Memory of the slab allocator. */
static long slab_kb(void)
{
	return file_line("/proc/meminfo", "Slab:");
}

/* Time that the call takes with these flags, or a negative errno. */
static double mbind_ms(const struct area *a, unsigned int flags)
{
	double begin = now_ms();
	long err = area_mbind(a, MPOL_DEFAULT, 0, flags);

	return err ? err : now_ms() - begin;
}

/* Populate one entry of each page table, with the zero page: a long walk. */
static const char *map_tables(struct area *a, long tables)
{
	long i, step = page_size() / sizeof(__u64);

	if (map_reserved(a, tables * step))
		return "cannot reserve address space";
	for (i = 0; i < a->pages; i += step)
		page_read(a, i);
	return NULL;
}

/*
 * Map adjacent VMAs that cannot be merged: @areas of them, or as many as
 * possible in half a minute. Returns their number.
 */
static long map_many(struct area *a, long areas)
{
	double end = now_ms() + 3e4;
	long i;

	if (map_reserved(a, areas))
		return -ENOMEM;
	for (i = 1; i < areas && now_ms() < end; i += 2)
		if (mprotect(a->base + i * page_size(), page_size(), PROT_READ))
			return -errno;
	return i;
}

/* Write to the first @run pages of each @step pages; returns how many. */
static long touch_scattered(const struct area *a, long step, long run)
{
	long i, j;

	for (i = 0; i < a->pages; i += step)
		for (j = 0; j < run; j++)
			page_write(a, i + j);
	return a->pages / step * run;
}

/* Keep the best of several times in milliseconds; the host may be busy. */
static void keep_best(double *best, double took)
{
	if (!*best || took < *best)
		*best = took;
}

/* Milliseconds for @times calls, or a negative errno. */
static double mark_often(const struct area *a, int times)
{
	double took, all = 0;
	int i;

	area_write(a);
	for (i = 0; i < times; i++) {
		took = mbind_ms(a, MOF_LAZY_MOVE);
		if (took < 0)
			return took;
		all += took;
	}
	return all;
}

/* Mark, touch and migrate repeatedly, or mark only. */
TEST_F(user, marking_in_a_loop_keeps_no_memory_and_gets_no_slower)
{
	double first = 0, last = 0;
	long slab = slab_kb();
	int i;

	ASSERT_EQ(0, become_nobody());
	for (i = 0; i < LOOPS; i++)
		keep_best(i < LOOPS / 2 ? &first : &last, mark_often(&self->a, CALLS));
	ASSERT_LT(0, first);
	ASSERT_LT(0, last);
	TH_LOG("%.1f us a call, then %.1f; slab %+ld KiB", 1e3 * first / CALLS,
	       1e3 * last / CALLS, slab_kb() - slab);
	EXPECT_GT(4 * first, last);
	EXPECT_GT(4096, slab_kb() - slab);
	EXPECT_EQ(0, area_bad(&self->a));
}

/*
 * Compare with the eager call, which walks the same page tables and has nothing
 * to migrate. The number of VMAs depends on the speed of the machine, and is
 * printed.
 */
TEST_F(user, up_to_a_million_areas_cost_little_more_than_with_the_eager_call)
{
	double eager = 0, lazy = 0;
	struct area many;
	long nr, slab;
	int tries;

	ASSERT_EQ(0, write_long(MAX_MAP_COUNT, 2 * MANY));
	ASSERT_EQ(0, become_nobody());
	nr = map_many(&many, MANY);
	ASSERT_LT(ENOUGH, nr);
	slab = slab_kb();
	for (tries = 0; tries < TRIES; tries++) {
		touch_scattered(&many, 64, 1);
		keep_best(&eager, mbind_ms(&many, MPOL_MF_MOVE));
		keep_best(&lazy, mbind_ms(&many, MOF_LAZY_MOVE));
	}
	TH_LOG("%ld VMAs: eager %.0f ms, lazy %.0f ms; slab %+ld KiB", nr, eager,
	       lazy, slab_kb() - slab);
	ASSERT_LT(0, eager);
	ASSERT_LT(0, lazy);
	EXPECT_GT(4 * eager, lazy);
	EXPECT_GT(8192, slab_kb() - slab);
}

/* Rounds per second of a busy thread: the best of three. */
static long most_rounds(const struct area *a)
{
	long rounds, most = 0;
	double end;
	int i;

	for (i = 0; i < 3; i++) {
		end = now_ms() + 1e3;
		for (rounds = 0; now_ms() < end; rounds++)
			area_read(a);
		if (rounds > most)
			most = rounds;
	}
	return most;
}

TEST_F(user, many_areas_in_the_automatic_mode_leave_the_cpu_to_the_program)
{
	struct sweeper other = { .a = &self->a, .node = self->m.to };
	long off, automatic;
	struct area many;

	if (!have_automatic())
		SKIP(return, NO_AUTOMATIC);
	ASSERT_EQ(0, write_long(MAX_MAP_COUNT, 2 * MANY));
	ASSERT_LT(0, map_many(&many, MANY / 8));
	touch_scattered(&many, 8, 1);
	ASSERT_EQ(0, sweeper_start(&other));
	off = most_rounds(&self->a);
	ASSERT_EQ(0, write_long(BALANCING, 4));
	ASSERT_EQ(0, become_nobody());
	automatic = most_rounds(&self->a);
	sweeper_stop(&other);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	TH_LOG("%ld rounds, %ld without, %ld samples", automatic, off,
	       self->d.v[MOF_SAMPLES]);
	EXPECT_LT(0, self->d.v[MOF_SAMPLES]);
	EXPECT_LT(off / 2, automatic);
}

/* Kernel memory charged to this group, in bytes. */
static long charged(const struct cgroup *cg)
{
	return cgroup_stat(cg, "slab_reclaimable");
}

/*
 * Create extents so far apart that each needs a leaf node of its own in the
 * history, every two a node above it, with few nodes above those. All are
 * charged to the process that causes them. A quarter of each extent is
 * populated, so that a sample finds a page. Returns the size of the history in
 * bytes.
 */
static long make_history(struct __test_metadata *_metadata,
			 struct _test_data_user *self, struct area *wide)
{
	long step = HUGE_BYTES / EXTENTS / page_size(), kept;
	struct sweeper t[2] = {
		{ .a = wide, .node = self->m.to, .slot = 1, .step = step },
		{ .a = wide, .node = self->m.from, .slot = 2, .step = step },
	};

	EXPECT_EQ(0, map_reserved(wide, HUGE_BYTES / page_size()));
	EXPECT_EQ(EXTENTS * LOOKED_AT, touch_scattered(wide, step, LOOKED_AT));
	kept = charged(&self->cg);
	EXPECT_EQ(0, write_long(BALANCING, 4));
	EXPECT_EQ(0, sweeper_start(&t[0]));
	EXPECT_EQ(0, sweeper_start(&t[1]));
	sweeper_work(&t[0], 4);
	kept = charged(&self->cg) - kept;
	sweeper_stop(&t[0]);
	sweeper_stop(&t[1]);
	EXPECT_EQ(0, t[0].lost + t[1].lost);
	EXPECT_LT(EXTENTS / 2 * NODE_BYTES, kept);
	return kept;
}

static const char *history_missing(void)
{
	if (!have_automatic())
		return NO_AUTOMATIC;
	return page_size() / sizeof(__u64) > 4 * LOOKED_AT ? TOO_LARGE : NULL;
}

TEST_F(user, history_of_scattered_pages_is_as_small_as_promised)
{
	struct area wide;
	long kept;

	SKIP_IF(return, history_missing() ? : cgroup_enter(&self->cg, "+memory"));
	kept = make_history(_metadata, self, &wide);
	EXPECT_EQ(0, stats_since(&self->before, &self->d));
	TH_LOG("%ld bytes for %ld extents, %ld samples", kept, EXTENTS, self->d.v[MOF_SAMPLES]);
	EXPECT_LT(EXTENTS / 2, self->d.v[MOF_SAMPLES]);
	EXPECT_GT((EXTENTS + EXTENTS / 2 + 16) * NODE_BYTES, kept);
}

/* It shrinks step by step, as the mode walks the remaining VMAs. */
TEST_F(user, history_of_what_is_unmapped_is_given_back)
{
	const char *why = history_missing() ? : cgroup_enter(&self->cg, "+memory");
	struct sweeper t = { .a = &self->a, .node = self->m.to };
	long kept, left, looks = 0;
	struct area wide;

	if (!why && self->longest < 0)
		why = "needs debugfs";
	SKIP_IF(return, why);
	kept = make_history(_metadata, self, &wide);
	left = charged(&self->cg);
	area_free(&wide);
	EXPECT_EQ(0, write_long(LONGEST, SHORT));
	EXPECT_EQ(0, sweeper_start(&t));
	do {
		sweeper_work(&t, 0.5);
	} while (left - charged(&self->cg) < kept / 2 && ++looks < PATIENCE);
	left -= charged(&self->cg);
	sweeper_stop(&t);
	TH_LOG("%ld of %ld bytes freed", left, kept);
	EXPECT_LE(kept / 2, left);
}

/* mmap(2) holds a lock that steps need; a step never waits for it. */
TEST_F(user, samples_are_taken_beside_a_thread_that_maps_all_the_time)
{
	struct sweeper t[2] = {
		{ .a = &self->a, .node = self->m.to, .slot = 1 },
		{ .a = &self->a, .node = self->m.from, .slot = 2 },
	};
	struct mapper m = { .node = self->m.to };

	if (!have_automatic())
		SKIP(return, NO_AUTOMATIC);
	ASSERT_EQ(0, write_long(BALANCING, 4));
	EXPECT_EQ(0, sweeper_start(&t[0]));
	EXPECT_EQ(0, sweeper_start(&t[1]));
	EXPECT_EQ(0, mapper_start(&m));
	sweeper_work(&t[0], 3);
	mapper_stop(&m);
	sweeper_stop(&t[0]);
	sweeper_stop(&t[1]);
	EXPECT_EQ(0, stats_since(&self->before, &self->d));
	TH_LOG("%ld samples, %ld rounds of mmap and munmap", self->d.v[MOF_SAMPLES], m.rounds);
	EXPECT_LT(0, self->d.v[MOF_SAMPLES]);
	EXPECT_LT(0, m.rounds);
	EXPECT_EQ(0, t[0].lost + t[1].lost);
}

TEST_F(user, a_tebibyte_with_a_few_pages_is_marked_as_fast_as_moved)
{
	long step = HUGE_BYTES / FEW / page_size();
	double eager = 0, lazy = 0;
	struct area wide;
	int tries;
	long slab;

	ASSERT_EQ(0, become_nobody());
	ASSERT_EQ(0, map_reserved(&wide, HUGE_BYTES / page_size()));
	ASSERT_EQ(FEW, touch_scattered(&wide, step, 1));
	slab = slab_kb();
	for (tries = 0; tries < TRIES; tries++) {
		keep_best(&lazy, mbind_ms(&wide, MOF_LAZY_MOVE));
		touch_scattered(&wide, step, 1);
		keep_best(&eager, mbind_ms(&wide, MPOL_MF_MOVE));
	}
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(TRIES * FEW, self->d.v[MOF_MARKED]);
	TH_LOG("eager %.1f ms, lazy %.1f ms; slab %+ld KiB", eager, lazy,
	       slab_kb() - slab);
	ASSERT_LT(0, eager);
	ASSERT_LT(0, lazy);
	EXPECT_GT(4 * eager + 20, lazy);
	EXPECT_GT(4096, slab_kb() - slab);
}

/*
 * Of two pages with many page tables in between, return how many are marked by
 * a child that is killed @ms milliseconds after it began, or -1.
 */
static long marked_before_killed(double ms)
{
	struct stats before, d;
	struct area a;
	pid_t pid;

	if (stats_read(&before))
		return -1;
	pid = fork();
	if (!pid) {
		if (become_nobody() || map_tables(&a, TABLES))
			_exit(1);
		page_write(&a, 0);
		page_write(&a, a.pages - a.pages / TABLES);
		raise(SIGSTOP);
		mbind_ms(&a, MOF_LAZY_MOVE);
		for (;;)
			pause();
	}
	waitpid(pid, NULL, WUNTRACED);
	kill(pid, SIGCONT);
	usleep(1e3 * ms);
	return end_child(pid) || stats_since(&before, &d) ? -1 : d.v[MOF_MARKED];
}

/* On a busy host the child is killed too early or too late, so retry. */
TEST_F(user, a_signal_ends_a_long_call)
{
	long marked = 0;
	struct area a;
	int tries;
	double call;

	ASSERT_EQ(NULL, map_tables(&a, TABLES));
	call = mbind_ms(&a, MOF_LAZY_MOVE);
	area_free(&a);
	for (tries = 0; marked != 1 && tries < KILLS; tries++)
		marked = marked_before_killed(call * (1 + tries % 4) / 8);
	TH_LOG("call %.0f ms; killed during the call at try %d", call, tries);
	EXPECT_EQ(1, marked);
}

TEST_F(user, a_long_call_keeps_nobody_from_mapping)
{
	struct area a;
	double call, best = 1e9, worst_call = 0;
	int tries;

	ASSERT_EQ(0, become_nobody());
	ASSERT_EQ(NULL, map_tables(&a, TABLES));
	for (tries = 0; tries < 3; tries++) {
		struct mapper m = { .node = self->m.to };

		ASSERT_EQ(0, mapper_start(&m));
		call = mbind_ms(&a, MOF_LAZY_MOVE);
		mapper_stop(&m);
		ASSERT_LT(0, call);
		if (m.worst / call < best / (worst_call ? : 1)) {
			best = m.worst;
			worst_call = call;
		}
	}
	TH_LOG("call %.0f ms, longest mmap and munmap %.1f ms", worst_call, best);
	EXPECT_GT(worst_call / 4, best);
}

#include "lib/main.h"
