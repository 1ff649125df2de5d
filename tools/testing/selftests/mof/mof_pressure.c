// SPDX-License-Identifier: GPL-2.0
/*
 * Touches of marked pages under memory pressure: on the target, on the source,
 * in the memory cgroup, or while swapping. They always succeed, in bounded
 * time, and without an OOM kill.
 */
#include <errno.h>
#include <numa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "lib/test.h"

#define PAGES		1024L
#define ROUNDS		12
#define SPARE		2L	/* huge pages */
#define KERNEL		256	/* pages of page tables and other kernel memory */
#define LIMIT		(PAGES * 3 / 2)	/* of a group that thrashes with PAGES */
#define LEAST		4	/* seconds of thrashing */
#define MOST		60
#define SLACK		(ROUNDS * PAGES / 8)	/* pages; ROUNDS * PAGES move in total */
#define CUTS		4	/* windows that end early, at the end of a page table or VMA */
#define TRIES		5
#define PACE_ROUNDS		3
#define HOST_US		50000.0		/* microseconds that a busy host may add */
#define HUGE_PIECES		64L		/* number of huge pages to fragment */

/**
 * struct pace - time that it took to move an area, in microseconds
 * @eager:	the longest mbind(2) without MPOL_MF_LAZY
 * @longest:	the longest touch of the round with the shortest such
 * @median:	the median of the touches of that round
 */
struct pace {
	double eager;
	double longest;
	double median;
};

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Touch all pages; keep the times if the longest is the shortest so far. */
static int time_touches(const struct area *a, struct pace *p)
{
	double *took = calloc(a->pages, sizeof(*took));
	double begin;
	long i;

	if (!took)
		return -ENOMEM;
	for (i = 0; i < a->pages; i++) {
		begin = now_us();
		page_write(a, i);
		took[i] = now_us() - begin;
	}
	qsort(took, a->pages, sizeof(*took), by_value);
	if (!p->longest || took[a->pages - 1] < p->longest) {
		p->longest = took[a->pages - 1];
		p->median = took[a->pages / 2];
	}
	free(took);
	return 0;
}

/*
 * MPOL_PREFERRED lets pages stay if the node is full; otherwise the kernel
 * would log an allocation failure.
 */
static int send(const struct area *a, int node, struct pace *p)
{
	double begin = now_us();
	long err = area_mbind(a, MPOL_PREFERRED, NODE_MASK(node), MPOL_MF_MOVE);

	begin = now_us() - begin;
	if (begin > p->eager)
		p->eager = begin;
	return err;
}

/* Move an area to m->to and back eagerly; it is on m->from before. */
static int pace_eager(const struct area *a, const struct machine *m, struct pace *p)
{
	int err = 0, round;

	*p = (struct pace) { };
	for (round = 0; !err && round < PACE_ROUNDS; round++)
		err = send(a, m->to, p) ? : send(a, m->from, p);
	return err;
}

/**
 * pace_touches() - move an area to m->to and back on touch
 * @a: the area
 * @m: the machine
 * @p: filled in by pace_eager(); receives the times of touches
 *
 * A busy host delays single touches, so the best of several rounds counts.
 *
 * Return: 0, or a negative errno.
 */
static int pace_touches(const struct area *a, const struct machine *m, struct pace *p)
{
	int err = 0, round;

	for (round = 0; !err && round < PACE_ROUNDS; round++) {
		err = mark(a, MPOL_BIND, NODE_MASK(round % 2 ? m->from : m->to));
		err = err ? : time_touches(a, p);
	}
	return err;
}

/* No touch may take longer than an eager migration of the whole area. */
static double pace_limit(const struct pace *p)
{
	return 2 * p->eager + HOST_US;
}

static long free_pages(int node)
{
	long long bytes = 0;

	numa_node_size64(node, &bytes);
	return bytes / page_size();
}

static long cgroup_event(const struct cgroup *cg, const char *key)
{
	return cgroup_line(cg, "memory.events", key);
}

static int cgroup_limit(const struct cgroup *cg, const char *file, long bytes)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", bytes);
	return cgroup_write(cg, file, text);
}

/* Reclaim until the group is below a future limit; disks are slow. */
static int cgroup_shrink(const struct cgroup *cg, long bytes)
{
	char path[160], excess[32];
	long now;
	int i;

	snprintf(path, sizeof(path), "%s/memory.current", cg->dir);
	for (i = 0; i < 100; i++) {
		now = read_long(path);
		if (now <= bytes)
			return 0;
		snprintf(excess, sizeof(excess), "%ld", now - bytes);
		cgroup_write(cg, "memory.reclaim", excess);
		usleep(100000);
	}
	return -EBUSY;
}

static bool has_swap(void)
{
	FILE *f = fopen("/proc/swaps", "r");
	char line[256];
	int lines = 0;

	while (f && fgets(line, sizeof(line), f))
		lines++;
	if (f)
		fclose(f);
	return lines > 1;
}

/* Use existing swap, such as a disk of the guest, or enable swap of our own. */
static const char *swap_any(struct swap *s)
{
	s->device[0] = '\0';
	return has_swap() ? NULL : swap_enable(s);
}

/* fill_node(), where that is possible. */
static const char *fill_for_good(struct area *hog, int node)
{
	return has_swap() ? "swap makes room on a full node" : fill_node(hog, node);
}

/**
 * fragment_node() - leave a node with free base pages and no free huge page
 * @hog: receives every other page; free it in the end
 * @node: the node; call give_huge_pages() for it in the end, also after failure
 *
 * Return: NULL, or why that is not possible.
 */
static const char *fragment_node(struct area *hog, int node)
{
	const char *why;
	long i;

	if (area_new(hog, HUGE_PIECES * thp_pages(), node))
		return "too little memory on a node to fragment it";
	why = take_huge_pages(node);
	for (i = 0; !why && i < hog->pages; i += 2)
		madvise(hog->base + i * page_size(), page_size(), MADV_DONTNEED);
	return why;
}

FIXTURE(pressure)
{
	struct machine m;
	struct swap swap;
	struct area a;
	struct stats before;
	struct stats d;
};

FIXTURE_SETUP(pressure)
{
	SKIP_SETUP(return, &self->m, machine_setup_lazy(&self->m));
	ASSERT_EQ(0, area_begin(&self->a, PAGES, &self->m, &self->before));
}

FIXTURE_TEARDOWN_PARENT(pressure)
{
	swap_disable(&self->swap);
	give_huge_pages(self->m.from);
	give_huge_pages(self->m.to);
	machine_restore(&self->m);
}

/* Checks after each test. */
static void check(struct __test_metadata *_metadata, struct _test_data_pressure *self)
{
	EXPECT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, self->d.v[OOM_KILL]);
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, area_bad(&self->a));
	EXPECT_EQ(0, area_hinted(&self->a));
}

/*
 * All pages have moved, except for those that were isolated. Under memory
 * pressure this is compaction; pages that it migrates before the touch lose
 * their mark.
 */
static void check_moved(struct __test_metadata *_metadata,
			struct _test_data_pressure *self)
{
	long busy;

	check(_metadata, self);
	busy = PAGES - self->d.v[MOF_RESOLVED];
	busy += self->d.v[MOF_FAILED_BUSY] + self->d.v[MOF_FAILED_RACED];
	EXPECT_LE(PAGES - busy, area_on(&self->a, self->m.to));
	EXPECT_GT(PAGES / 8 + self->d.v[COMPACT_ISOLATED], busy);
	EXPECT_EQ(0, self->d.v[MOF_FAILED_NOMEM]);
}

/* Restart counting. */
static int count_anew(struct _test_data_pressure *self)
{
	return stats_read(&self->before);
}

static void check_touches(struct __test_metadata *_metadata,
			  struct _test_data_pressure *self, struct pace *p)
{
	ASSERT_EQ(0, pace_touches(&self->a, &self->m, p));
	TH_LOG("longest touch %.0f us, median %.1f; eager call %.0f us", p->longest,
	       p->median, p->eager);
	EXPECT_GT(pace_limit(p), p->longest);
}

static void check_pace(struct __test_metadata *_metadata,
		       struct _test_data_pressure *self)
{
	struct pace p;

	ASSERT_EQ(0, pace_eager(&self->a, &self->m, &p));
	check_touches(_metadata, self, &p);
}

/* Move the area between both nodes repeatedly: a leak would exceed SLACK. */
static void move_often(struct __test_metadata *_metadata,
		       struct _test_data_pressure *self)
{
	long before = free_pages(self->m.from) + free_pages(self->m.to);
	int node = self->m.from, i;

	for (i = 0; i < ROUNDS; i++) {
		node = node == self->m.from ? self->m.to : self->m.from;
		ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(node)));
		area_write(&self->a);
	}
	EXPECT_LT(before - SLACK, free_pages(self->m.from) + free_pages(self->m.to));
}

TEST_F(pressure, a_full_target_takes_nothing_and_all_when_it_has_room_again)
{
	const char *why;
	struct area hog;

	why = fill_for_good(&hog, self->m.to);
	SKIP_IF(return, why);
	EXPECT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	area_write(&self->a);
	check(_metadata, self);
	EXPECT_LT(PAGES / 2, self->d.v[MOF_FAILED_NOMEM]);
	EXPECT_LE(PAGES, self->d.v[MOF_RESOLVED]);
	check_pace(_metadata, self);
	check(_metadata, self);
	empty_node(&hog, self->m.to);
	EXPECT_EQ(0, count_anew(self));
	EXPECT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	area_write(&self->a);
	check_moved(_metadata, self);
	move_often(_metadata, self);
	check(_metadata, self);
}

TEST_F(pressure, a_full_source_is_left_and_has_its_pages_back)
{
	const char *why;
	struct area hog;

	why = fill_for_good(&hog, self->m.from);
	SKIP_IF(return, why);
	EXPECT_EQ(0, count_anew(self));
	EXPECT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	area_write(&self->a);
	check_moved(_metadata, self);
	check_pace(_metadata, self);
	empty_node(&hog, self->m.from);
	move_often(_metadata, self);
	check(_metadata, self);
}

/* The eager call is timed first: later its allocations would fail. */
TEST_F(pressure, with_both_full_touches_succeed_and_nobody_is_killed)
{
	struct area hog[2] = { };
	struct pace p;
	const char *why;

	ASSERT_EQ(0, pace_eager(&self->a, &self->m, &p));
	ASSERT_EQ(PAGES, area_on(&self->a, self->m.from));
	why = fill_for_good(&hog[0], self->m.to) ? : fill_for_good(&hog[1], self->m.from);
	SKIP_IF(return, why);
	/* Below the low watermark is full; with less nothing could run. */
	EXPECT_EQ(0, spare_huge_pages(self->m.to, SPARE));
	EXPECT_EQ(0, spare_huge_pages(self->m.from, SPARE));
	EXPECT_EQ(0, count_anew(self));
	EXPECT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	EXPECT_EQ(0, run_on(self->m.to));
	area_write(&self->a);
	check(_metadata, self);
	EXPECT_LE(PAGES, self->d.v[MOF_RESOLVED]);
	EXPECT_LT(0, self->d.v[MOF_FAILED_NOMEM]);
	check_touches(_metadata, self, &p);
	check(_metadata, self);
	empty_node(&hog[0], self->m.to);
	empty_node(&hog[1], self->m.from);
}

/*
 * Mark and touch pages on m.from whose target is full, and return the number of
 * faults in excess of one per window of pages that stay. Compaction may take
 * pages, or their marks, and each page that moves may take a fault.
 */
static long faults_too_many(struct __test_metadata *_metadata,
			    struct _test_data_pressure *self, const struct area *a,
			    long window)
{
	const struct stats *d = &self->d;
	long busy, others;

	EXPECT_EQ(0, count_anew(self));
	EXPECT_EQ(0, mark(a, MPOL_BIND, NODE_MASK(self->m.to)));
	area_write(a);
	check(_metadata, self);
	busy = d->v[MOF_FAILED_BUSY] + d->v[MOF_FAILED_RACED];
	others = busy + d->v[MOF_RETRIED] + d->v[MOF_MIGRATED];
	busy += d->v[MOF_MARKED] - d->v[MOF_RESOLVED];
	TH_LOG("%ld faults, %ld pages stayed, %ld moved, %ld were busy",
	       d->v[MOF_FAULTS], d->v[MOF_FAILED_NOMEM], d->v[MOF_MIGRATED], busy);
	EXPECT_EQ(area_on(a, self->m.from), d->v[MOF_FAILED_NOMEM] + busy);
	EXPECT_GT(a->pages / 8 + d->v[COMPACT_ISOLATED], busy);
	return d->v[MOF_FAULTS] - others - d->v[MOF_MARKED] / window;
}

/*
 * A fault that finds the target full remaps a whole window. While kswapd frees
 * memory there, the target may be full at one check and not at the next: retry.
 */
TEST_F(pressure, a_full_target_takes_one_fault_for_each_window)
{
	struct area part = area_part(&self->a, 0, PAGES / 2);
	long window = read_long(WINDOW), faults = PAGES;
	const char *why;
	struct area hog;
	int try;

	if (window <= 1)
		SKIP(return, "vm.mof_window_pages is at most 1");
	why = fill_for_good(&hog, self->m.to);
	SKIP_IF(return, why);
	for (try = 0; try < TRIES && faults > CUTS; try++)
		faults = faults_too_many(_metadata, self, &part, window);
	EXPECT_GE(CUTS, faults);
	EXPECT_LT(part.pages / 4, self->d.v[MOF_FAILED_NOMEM]);
	empty_node(&hog, self->m.to);
}

/* Migration charges nothing in addition: a reached limit is not hit. */
static void move_at_limit(struct __test_metadata *_metadata,
			  struct _test_data_pressure *self, const char *file,
			  const char *event)
{
	struct cgroup cg;
	long events;

	SKIP_IF(return, cgroup_enter(&cg, "+memory"));
	area_free(&self->a);
	EXPECT_EQ(0, area_new(&self->a, PAGES, self->m.from));
	/* Room for page tables, and for per-CPU charges in advance. */
	EXPECT_EQ(0, cgroup_limit(&cg, file, area_bytes(&self->a) + KERNEL * page_size()));
	events = cgroup_event(&cg, event);
	EXPECT_LE(0, events);
	EXPECT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	area_write(&self->a);
	EXPECT_EQ(PAGES, area_on(&self->a, self->m.to));
	move_often(_metadata, self);
	EXPECT_EQ(PAGES, area_on(&self->a, self->m.from));
	EXPECT_EQ(events, cgroup_event(&cg, event));
	EXPECT_EQ(0, cgroup_event(&cg, "oom_kill"));
	check_pace(_metadata, self);
	check(_metadata, self);
	cgroup_leave(&cg);
}

TEST_F(pressure, a_group_at_its_memory_max_moves_all)
{
	move_at_limit(_metadata, self, "memory.max", "max");
}

TEST_F(pressure, a_group_at_its_memory_high_moves_all)
{
	move_at_limit(_metadata, self, "memory.high", "high");
}

static bool has_round(const struct sweeper *t)
{
	return __atomic_load_n(&t->rounds, __ATOMIC_RELAXED) > 0;
}

/* Mark for some time, and until both threads have written all pages. */
static long mark_beside(const struct area *a, const struct sweeper *t)
{
	time_t begin = time(NULL), now = begin;
	long marks = 0;

	while (now < begin + LEAST ||
	       (now < begin + MOST && !(has_round(&t[0]) && has_round(&t[1])))) {
		marks += !mark(a, MPOL_LOCAL, 0);
		usleep(10000);
		now = time(NULL);
	}
	return marks;
}

/* The area is twice the limit: touched pages have just been swapped out. */
TEST_F(pressure, a_group_that_thrashes_makes_progress_and_loses_no_write)
{
	struct sweeper t[2] = {
		{ .a = &self->a, .node = self->m.from, .slot = 1 },
		{ .a = &self->a, .node = self->m.to, .slot = 2 },
	};
	const char *why = swap_any(&self->swap);
	struct cgroup cg;
	long marks;

	if (!why)
		why = cgroup_enter(&cg, "+memory");
	SKIP_IF(return, why);
	area_free(&self->a);
	EXPECT_EQ(0, area_new(&self->a, 2 * PAGES, self->m.from));
	/*
	 * With the hard limit alone, the OOM killer acts when all of so few
	 * pages are in use or under writeback.
	 */
	EXPECT_EQ(0, cgroup_limit(&cg, "memory.high", PAGES * page_size()));
	ASSERT_EQ(0, cgroup_shrink(&cg, LIMIT * page_size()));
	EXPECT_EQ(0, cgroup_limit(&cg, "memory.max", LIMIT * page_size()));
	EXPECT_EQ(0, sweeper_start(&t[0]));
	EXPECT_EQ(0, sweeper_start(&t[1]));
	marks = mark_beside(&self->a, t);
	sweeper_stop(&t[0]);
	sweeper_stop(&t[1]);
	EXPECT_EQ(0, t[0].lost + t[1].lost);
	EXPECT_EQ(0, cgroup_event(&cg, "oom_kill"));
	EXPECT_EQ(0, stats_since(&self->before, &self->d));
	TH_LOG("%ld marks, %ld and %ld rounds, %ld pages moved, %ld swapped in",
	       marks, t[0].rounds, t[1].rounds, self->d.v[MOF_MIGRATED], self->d.v[PSWPIN]);
	EXPECT_LT(0, marks);
	EXPECT_LT(0, t[0].rounds);
	EXPECT_LT(0, t[1].rounds);
	EXPECT_LT(PAGES, self->d.v[PSWPIN]);
	EXPECT_LT(0, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(0, self->d.v[OOM_KILL]);
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	area_free(&self->a);
	cgroup_leave(&cg);
}

/*
 * Base pages find room where a THP does not, unless compaction has made some:
 * THPs without room stay in place and whole.
 */
TEST_F(pressure, a_fragmented_target_takes_pages_and_leaves_thps_whole)
{
	const char *why = thp_missing();
	struct area hog, thp;
	long stayed;

	SKIP_IF(return, why);
	ASSERT_EQ(0, area_new_thp(&thp, 4, self->m.from));
	why = fragment_node(&hog, self->m.to);
	SKIP_IF(return, why);
	EXPECT_EQ(0, mark(&thp, MPOL_BIND, NODE_MASK(self->m.to)));
	area_read(&thp);
	stayed = area_on(&thp, self->m.from);
	EXPECT_EQ(thp.pages - stayed, area_on(&thp, self->m.to));
	EXPECT_EQ(area_bytes(&thp) / 1024, area_smaps_kb(&thp, "AnonHugePages"));
	check(_metadata, self);
	EXPECT_EQ(stayed, self->d.v[MOF_FAILED_NOMEM]);
	EXPECT_EQ(0, count_anew(self));
	EXPECT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	area_write(&self->a);
	check_moved(_metadata, self);
	EXPECT_EQ(0, area_bad(&thp));
	check_pace(_metadata, self);
	check(_metadata, self);
	area_free(&thp);
	area_free(&hog);
	if (!stayed)
		SKIP_UNLESS_FAILED(return, "compaction has made room for all THPs");
}

#include "lib/main.h"
