// SPDX-License-Identifier: GPL-2.0
/*
 * The number of pages that one fault moves, and that other pages stay. Every
 * test checks contents.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "lib/test.h"

#define DEFAULT_WINDOW	48	/* pages */
#define SHARE		32L	/* a window is 1/32 of the preceding run */
#define LONG_BYTES	(64L << 20)
#define LONG_FAULTS	600	/* maximum for LONG_BYTES in pages of 4 KiB */
#define BEHIND		64L	/* pages behind the end of a sweep */

FIXTURE(window)
{
	struct machine m;
	struct area a;		/* range of one page table */
	struct stats before;
	struct stats d;
	long saved;
};

FIXTURE_SETUP(window)
{
	const char *why = machine_setup(&self->m);

	self->saved = read_long(WINDOW);
	if (!why && self->saved < 0)
		why = "kernel without vm.mof_window_pages";
	SKIP_SETUP(return, &self->m, why);
	ASSERT_EQ(0, run_on(self->m.from));
	ASSERT_EQ(0, area_new(&self->a, TABLE_PAGES, self->m.from));
	ASSERT_EQ(0, madvise(self->a.base, area_bytes(&self->a),
			     MADV_NOHUGEPAGE));
	drain_lru();
	ASSERT_EQ(0, write_long(WINDOW, 64));
	ASSERT_EQ(0, stats_read(&self->before));
}

FIXTURE_TEARDOWN_PARENT(window)
{
	if (self->saved >= 0)
		write_long(WINDOW, self->saved);
	machine_restore(&self->m);
}

static long least(long a, long b)
{
	return a < b ? a : b;
}

/*
 * Expected faults of a sweep: a fault resolves 1/32 of the run of pages before
 * it, at least one page and at most @window, and none beyond its page table.
 */
static long sweep_faults(const struct area *a, long window)
{
	long entries = page_size() / (long)sizeof(__u64);
	long faults, page, index, pages;

	for (page = 0, faults = 0; page < a->pages; page += pages, faults++) {
		index = (uintptr_t)a->base / page_size() + page;
		pages = least(page / SHARE ? : 1, window);
		pages = least(pages, entries - index % entries);
	}
	return faults;
}

TEST_F(window, sweep_takes_the_faults_that_its_run_earns)
{
	/* About 130: 64 for the first 64 pages, then 32 * ln(512 / 64). */
	long faults = sweep_faults(&self->a, 64);

	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&self->a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(TABLE_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(TABLE_PAGES, self->d.v[MOF_MIGRATED]);
	/* The kernel samples a long run, and may miss up to 15 of its pages. */
	EXPECT_GE(faults + faults / 8, self->d.v[MOF_FAULTS]);
	EXPECT_LE(faults - faults / 8, self->d.v[MOF_FAULTS]);
	EXPECT_EQ(self->d.v[MOF_MIGRATED],
		  self->d.v[MOF_FAULTS] + self->d.v[MOF_WINDOWED]);
	EXPECT_EQ(self->d.v[MOF_FAULTS], self->d.v[NUMA_HINT_FAULTS]);
	EXPECT_EQ(TABLE_PAGES, self->d.v[NUMA_PAGES_MIGRATED]);
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, area_bad(&self->a));
}

/* The sweep goes on under a policy by which the other pages are in place. */
TEST_F(window, run_on_another_node_earns_nothing)
{
	struct area half = area_part(&self->a, 0, TABLE_PAGES / 2);
	long swept;

	ASSERT_EQ(0, mark(&self->a, MPOL_DEFAULT, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&half);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	swept = self->d.v[MOF_RESOLVED];
	EXPECT_EQ(swept, self->d.v[MOF_MIGRATED]);
	ASSERT_EQ(0, set_task_policy(MPOL_BIND, NODE_MASK(self->m.from)));
	ASSERT_EQ(0, stats_read(&self->before));
	page_read(&self->a, swept);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(1, self->d.v[MOF_RESOLVED]);
	EXPECT_EQ(1, self->d.v[MOF_LOCAL]);
	EXPECT_EQ(0, area_bad(&self->a));
}

/* Map LONG_BYTES around the boundary between two PUD entries. */
static int area_new_across(struct area *a, int node)
{
	long pages = LONG_BYTES / page_size();
	struct area all;
	long first;
	int err;

	err = area_map_file(&all, pud_pages() + pages, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
	if (err)
		return err;
	first = pud_pages() - (uintptr_t)all.base / page_size() % pud_pages();
	if (first < pages / 2)
		first += pud_pages();
	*a = area_part(&all, first - pages / 2, pages);
	if (mprotect(a->base, area_bytes(a), PROT_READ | PROT_WRITE) ||
	    madvise(a->base, area_bytes(a), MADV_NOHUGEPAGE))
		return -errno;
	return area_place(a, node);
}

TEST_F(window, long_sweep_starts_small_only_once)
{
	struct area a;
	long faults;

	if (!nodes_hold(4 * LONG_BYTES))
		SKIP(return, "needs more memory on each node");
	ASSERT_EQ(0, write_long(WINDOW, DEFAULT_WINDOW));
	ASSERT_EQ(0, area_new_across(&a, self->m.from));
	faults = sweep_faults(&a, DEFAULT_WINDOW);
	ASSERT_EQ(0, mark(&a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, stats_read(&self->before));
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	TH_LOG("%ld faults, expected %ld", self->d.v[MOF_FAULTS], faults);
	EXPECT_GE(faults + faults / 8, self->d.v[MOF_FAULTS]);
	EXPECT_GE(LONG_FAULTS, self->d.v[MOF_FAULTS]);
	EXPECT_EQ(a.pages, area_on(&a, self->m.to));
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, area_bad(&a));
}

/*
 * Sweep the first @pages pages of an area from @node, and return how many pages
 * behind them have lost their mark: these may belong to another thread.
 */
static long taken_behind(struct __test_metadata *_metadata, const struct machine *m,
			 long pages, int node)
{
	struct area a, swept;
	long taken;

	EXPECT_EQ(0, run_on(m->from));
	EXPECT_EQ(0, area_new(&a, pages + BEHIND, m->from));
	EXPECT_EQ(0, mark(&a, MPOL_LOCAL, 0));
	EXPECT_EQ(a.pages, area_hinted(&a));
	EXPECT_EQ(0, run_on(node));
	swept = area_part(&a, 0, pages);
	area_read(&swept);
	taken = BEHIND - area_hinted(&a);
	EXPECT_EQ(pages, area_on(&swept, node));
	if (node == m->to)
		EXPECT_EQ(pages + taken, area_on(&a, m->to));
	EXPECT_EQ(0, area_bad(&a));
	area_free(&a);
	return taken;
}

static const long sweeps[] = {
	1, 8, 16, 24, 31, 32, 33, 48, 64, 65, 96, 128, 192, 256, 400, 512, 1000, 1536, 3000,
};

TEST_F(window, sweep_that_moves_pages_takes_little_from_those_behind)
{
	long taken;
	size_t i;

	ASSERT_EQ(0, write_long(WINDOW, 512));
	for (i = 0; i < ARRAY_SIZE(sweeps); i++) {
		taken = taken_behind(_metadata, &self->m, sweeps[i], self->m.to);
		EXPECT_LE(0, taken);
		EXPECT_GE(sweeps[i] / SHARE + 1, taken)
			TH_LOG("%ld pages swept", sweeps[i]);
	}
}

TEST_F(window, sweep_of_pages_in_place_takes_little_from_those_behind)
{
	long taken;
	size_t i;

	ASSERT_EQ(0, write_long(WINDOW, 512));
	for (i = 0; i < ARRAY_SIZE(sweeps); i++) {
		taken = taken_behind(_metadata, &self->m, sweeps[i], self->m.from);
		EXPECT_LE(0, taken);
		EXPECT_GE(sweeps[i] / SHARE + 1, taken)
			TH_LOG("%ld pages swept", sweeps[i]);
	}
}

TEST_F(window, touches_apart_from_each_other_move_alone)
{
	long i;

	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	for (i = 0; i < TABLE_PAGES; i += 10)
		page_read(&self->a, i);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ((TABLE_PAGES + 9) / 10, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(0, self->d.v[MOF_WINDOWED]);
	EXPECT_EQ(self->d.v[MOF_MIGRATED], area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(window, of_one_and_of_none_move_one_page_a_fault)
{
	long window;

	for (window = 1; window >= 0; window--) {
		ASSERT_EQ(0, write_long(WINDOW, window));
		ASSERT_EQ(0, area_place(&self->a, self->m.from));
		drain_lru();
		ASSERT_EQ(0, stats_read(&self->before));
		ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
		ASSERT_EQ(0, run_on(self->m.to));
		area_read(&self->a);
		ASSERT_EQ(0, stats_since(&self->before, &self->d));
		EXPECT_EQ(TABLE_PAGES, self->d.v[MOF_FAULTS]);
		EXPECT_EQ(0, self->d.v[MOF_WINDOWED]);
		EXPECT_EQ(TABLE_PAGES, area_on(&self->a, self->m.to));
		ASSERT_EQ(0, run_on(self->m.from));
	}
	EXPECT_EQ(0, area_bad(&self->a));
}

/* Migration maps the page writable: no second fault for the write. */
static void check_written(struct __test_metadata *_metadata, const struct area *a,
			  const struct machine *m)
{
	struct rusage begin, end;
	struct stats before, d;

	ASSERT_EQ(0, mark(a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(m->to));
	ASSERT_EQ(0, stats_read(&before));
	getrusage(RUSAGE_SELF, &begin);
	area_write(a);
	getrusage(RUSAGE_SELF, &end);
	ASSERT_EQ(0, stats_since(&before, &d));
	EXPECT_EQ(TABLE_PAGES, area_on(a, m->to));
	EXPECT_GE(d.v[MOF_FAULTS] + 16, end.ru_minflt - begin.ru_minflt);
	EXPECT_EQ(TABLE_PAGES + d.v[MOF_RETRIED],
		  d.v[MOF_FAULTS] + d.v[MOF_WINDOWED]);
	EXPECT_EQ(0, area_bad(a));
}

TEST_F(window, write_takes_no_fault_of_its_own)
{
	check_written(_metadata, &self->a, &self->m);
}

/* By the generic path, from which private pages come back read-only. */
TEST_F(window, write_to_locked_memory_takes_no_fault_of_its_own)
{
	ASSERT_EQ(0, mlock(self->a.base, area_bytes(&self->a)));
	drain_lru();
	check_written(_metadata, &self->a, &self->m);
}

TEST_F(window, write_to_shared_memory_takes_no_fault_of_its_own)
{
	struct area shm;

	ASSERT_EQ(0, area_new_shared(&shm, TABLE_PAGES, self->m.from));
	drain_lru();
	check_written(_metadata, &shm, &self->m);
}

TEST_F(window, pages_with_another_target_stay_for_their_own_touch)
{
	unsigned long nodes = NODE_MASK(self->m.from) | NODE_MASK(self->m.to);

	ASSERT_EQ(0, mark(&self->a, MPOL_INTERLEAVE, nodes));
	area_read(&self->a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(TABLE_PAGES / 2, area_on(&self->a, self->m.to));
	EXPECT_EQ(TABLE_PAGES / 2, area_on(&self->a, self->m.from));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(window, of_pages_in_place_leaves_the_others_to_their_own_touch)
{
	struct area half = area_part(&self->a, 0, TABLE_PAGES / 2);
	long i;

	ASSERT_EQ(TABLE_PAGES / 2, area_move(&half, self->m.to));
	for (i = TABLE_PAGES / 2; i < TABLE_PAGES; i += 2) {
		struct area page = area_part(&self->a, i, 1);

		ASSERT_EQ(1, area_move(&page, self->m.to));
	}
	drain_lru();
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	ASSERT_EQ(0, stats_read(&self->before));
	area_read(&self->a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(TABLE_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(TABLE_PAGES / 4, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(TABLE_PAGES * 3 / 4, self->d.v[MOF_LOCAL]);
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(window, stops_at_the_end_of_the_vma)
{
	struct area first = area_part(&self->a, 0, TABLE_PAGES / 2);
	struct area last = area_part(&self->a, TABLE_PAGES / 2,
				     TABLE_PAGES / 2);

	ASSERT_EQ(0, mark(&first, MPOL_LOCAL, 0));
	ASSERT_EQ(0, mark(&last, MPOL_BIND, NODE_MASK(self->m.to)));
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&first);
	EXPECT_EQ(first.pages, area_on(&first, self->m.to));
	EXPECT_EQ(last.pages, area_on(&last, self->m.from));
	EXPECT_EQ(last.pages, area_hinted(&last));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(window, pinned_neighbour_stays_and_the_others_move)
{
	struct area one = area_part(&self->a, 100, 1);
	int ring;

	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ring = pin_pages(&one);
	SKIP_UNLESS_PINNED(return, ring);
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&self->a);
	close(ring);
	EXPECT_EQ(self->m.from, page_node(&self->a, 100));
	EXPECT_EQ(TABLE_PAGES - 1, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

/* fork(2) shares pages that are not marked as exclusive, pinned or not. */
TEST_F(window, pages_pinned_after_they_have_moved_stay_at_fork)
{
	long pfn[TABLE_PAGES], i, other = 0;
	int ring, go[2];
	pid_t pid;

	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&self->a);
	ASSERT_EQ(TABLE_PAGES, area_on(&self->a, self->m.to));
	ring = pin_pages(&self->a);
	SKIP_UNLESS_PINNED(return, ring);
	for (i = 0; i < TABLE_PAGES; i++)
		pfn[i] = page_pfn(&self->a, i);
	pid = sharer_start(&self->a, go);
	ASSERT_LT(0, pid);
	area_write(&self->a);
	for (i = 0; i < TABLE_PAGES; i++)
		other += pfn[i] != page_pfn(&self->a, i);
	EXPECT_EQ(0, other);
	EXPECT_EQ(0, sharer_verdict(pid, go));
	close(ring);
	EXPECT_EQ(0, area_bad(&self->a));
}

/* A page that a pipe references is retried at its own touch, and then stays. */
TEST_F(window, busy_neighbour_stays_and_the_others_move)
{
	struct area held = area_part(&self->a, 300, 1);
	int ends[2];

	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, hold_pages(&held, ends));
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&self->a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(self->m.from, page_node(&self->a, 300));
	EXPECT_EQ(TABLE_PAGES - 1, area_on(&self->a, self->m.to));
	EXPECT_EQ(TABLE_PAGES - 1, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(1, self->d.v[MOF_RETRIED]);
	EXPECT_EQ(1, self->d.v[MOF_FAILED_BUSY]);
	EXPECT_EQ(TABLE_PAGES, self->d.v[MOF_RESOLVED]);
	EXPECT_EQ(self->d.v[MOF_MIGRATED] + 2,
		  self->d.v[MOF_FAULTS] + self->d.v[MOF_WINDOWED]);
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, area_hinted(&self->a));
	release_pages(ends);
	EXPECT_EQ(0, area_bad(&self->a));
}

/*
 * Touch pages in order until a fault has moved at least @pages pages to @node.
 * Returns the next page to touch, whose window is no smaller; -1 if there was
 * no such fault.
 */
static long sweep_to_window(const struct area *a, int node, long pages)
{
	long page, next;

	for (page = 0; page + 2 * pages < a->pages; page = next) {
		page_read(a, page);
		for (next = page + 1; next < a->pages && page_node(a, next) == node; next++)
			;
		if (next - page >= pages)
			return next;
	}
	return -1;
}

TEST_F(window, busy_neighbour_keeps_its_mark_and_moves_at_its_own_touch)
{
	struct area a, held;
	int ends[2];
	long page;

	ASSERT_EQ(0, area_new_shared(&a, TABLE_PAGES, self->m.from));
	ASSERT_EQ(0, stats_read(&self->before));
	ASSERT_EQ(0, mark(&a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	page = sweep_to_window(&a, self->m.to, 4);
	ASSERT_LT(0, page);
	held = area_part(&a, page + 1, 1);
	ASSERT_EQ(0, hold_pages(&held, ends));
	page_read(&a, page);
	EXPECT_EQ(self->m.to, page_node(&a, page));
	EXPECT_EQ(self->m.from, page_node(&a, page + 1));
	EXPECT_EQ(self->m.to, page_node(&a, page + 2));
	EXPECT_EQ(a.pages - area_on(&a, self->m.to), area_hinted(&a));
	release_pages(ends);
	drain_lru();
	page_read(&a, page + 1);
	EXPECT_EQ(self->m.to, page_node(&a, page + 1));
	area_read(&a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(a.pages, area_on(&a, self->m.to));
	EXPECT_EQ(a.pages, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(0, self->d.v[MOF_RETRIED]);
	EXPECT_EQ(0, stats_failed(&self->d));
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, area_bad(&a));
}

TEST_F(window, values_out_of_range_are_refused)
{
	EXPECT_EQ(-EINVAL, write_long(WINDOW, -1));
	EXPECT_EQ(-EINVAL, write_long(WINDOW, 513));
	EXPECT_EQ(64, read_long(WINDOW));
	EXPECT_EQ(0, write_long(WINDOW, 512));
	EXPECT_EQ(0, area_bad(&self->a));
}

/* Races: several threads on the same window. */

struct racer {
	pthread_t thread;
	struct area *a;
	int node;
	pthread_barrier_t *start;
};

static void *touch_all(void *arg)
{
	struct racer *t = arg;

	run_on(t->node);
	pthread_barrier_wait(t->start);
	area_read(t->a);
	return NULL;
}

/* Mark, and let @nr threads touch at the same time; true if all threads ran. */
static bool touch_at_once(struct area *a, struct machine *m, int nr)
{
	struct racer t[8];
	pthread_barrier_t start;
	int i;

	pthread_barrier_init(&start, NULL, nr);
	for (i = 0; i < nr; i++) {
		t[i] = (struct racer) {
			.a = a, .start = &start,
			.node = i % 2 ? m->from : m->to,
		};
		if (pthread_create(&t[i].thread, NULL, touch_all, &t[i]))
			return false;
	}
	for (i = 0; i < nr; i++)
		pthread_join(t[i].thread, NULL);
	pthread_barrier_destroy(&start);
	return true;
}

TEST_F(window, two_and_eight_threads_at_once_lose_nothing)
{
	int round;

	for (round = 0; round < 40; round++) {
		ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
		ASSERT_TRUE(touch_at_once(&self->a, &self->m,
					  round % 2 ? 2 : 8));
		ASSERT_EQ(0, area_hinted(&self->a));
		ASSERT_EQ(0, area_bad(&self->a));
	}
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, stats_unreconciled(&self->d));
}

static void *mark_again(void *arg)
{
	struct racer *t = arg;
	int round;

	pthread_barrier_wait(t->start);
	for (round = 0; round < 400; round++)
		mark(t->a, MPOL_LOCAL, 0);
	return NULL;
}

static unsigned long *word_of(const struct area *a, long page)
{
	return (unsigned long *)(a->base + page * page_size()) + 7;
}

/*
 * The marker's TLB flush is pending while marked pages are migrated: a write
 * through a stale TLB entry would be lost.
 */
TEST_F(window, writes_beside_a_marker_are_not_lost)
{
	pthread_barrier_t start;
	struct racer t = { .a = &self->a, .start = &start };
	unsigned long *word, round, rounds = 2000;
	long i, lost = 0;

	pthread_barrier_init(&start, NULL, 2);
	ASSERT_EQ(0, pthread_create(&t.thread, NULL, mark_again, &t));
	ASSERT_EQ(0, run_on(self->m.to));
	pthread_barrier_wait(&start);
	for (i = 0; i < TABLE_PAGES; i++)
		*word_of(&self->a, i) = 0;
	for (round = 1; round <= rounds; round++) {
		if (round % 100 == 0)
			run_on(round % 200 ? self->m.from : self->m.to);
		for (i = 0; i < TABLE_PAGES; i += 8) {
			word = word_of(&self->a, i);
			lost += __atomic_load_n(word, __ATOMIC_RELAXED) != round - 1;
			__atomic_store_n(word, round, __ATOMIC_RELAXED);
		}
	}
	pthread_join(t.thread, NULL);
	EXPECT_EQ(0, lost);
}

static void *drop_pages(void *arg)
{
	struct racer *t = arg;
	long i;

	pthread_barrier_wait(t->start);
	for (i = 0; i < TABLE_PAGES; i += 2)
		madvise(t->a->base + i * page_size(), page_size(),
			MADV_DONTNEED);
	return NULL;
}

/* Zapped during migration: a zero page, neighbours keep contents. */
TEST_F(window, pages_dropped_while_they_move_are_zero)
{
	long round, i, not_zero = 0, bad = 0;

	for (round = 0; round < 40; round++) {
		pthread_barrier_t start;
		struct racer t = { .a = &self->a, .start = &start };

		ASSERT_EQ(0, run_on(self->m.from));
		area_fill(&self->a);
		ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
		pthread_barrier_init(&start, NULL, 2);
		ASSERT_EQ(0, pthread_create(&t.thread, NULL, drop_pages, &t));
		ASSERT_EQ(0, run_on(self->m.to));
		pthread_barrier_wait(&start);
		area_read(&self->a);
		pthread_join(t.thread, NULL);
		for (i = 0; i < TABLE_PAGES; i++) {
			struct area one = area_part(&self->a, i, 1);

			if (i % 2)
				bad += area_bad(&one);
			else
				not_zero += area_not_zero(&one);
		}
	}
	EXPECT_EQ(0, bad);
	EXPECT_EQ(0, not_zero);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, stats_unreconciled(&self->d));
}

#include "lib/main.h"
