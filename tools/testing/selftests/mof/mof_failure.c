// SPDX-License-Identifier: GPL-2.0
/*
 * Memory failure: marked pages are taken offline or poisoned before a touch and
 * during touches.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>

#include "lib/test.h"

#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE	101
#endif

#define POISON_PFN	"/sys/kernel/debug/hwpoison/corrupt-pfn"
#define UNPOISON_PFN	"/sys/kernel/debug/hwpoison/unpoison-pfn"
#define POISONED	8	/* pages, at most: some kernels cannot unpoison them */

/* Soft offline replaces the page transparently. */

static int advise_page(const struct area *a, long page, int advice)
{
	return madvise(a->base + page * page_size(), page_size(), advice) ? -errno : 0;
}

TEST_F(lazy, soft_offline_of_marked_pages_keeps_contents_and_the_other_marks)
{
	long i;
	int err;

	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	for (i = 0; i < POISONED; i++) {
		err = advise_page(&self->a, i * 3, MADV_SOFT_OFFLINE);
		if (err == -EINVAL || err == -EPERM)
			SKIP(return, "kernel without memory failure, or not root");
		EXPECT_EQ(0, err);
	}
	EXPECT_EQ(AREA_PAGES - POISONED, area_hinted(&self->a));
	ASSERT_EQ(0, run_on(self->m.to));
	area_write(&self->a);
	EXPECT_EQ(AREA_PAGES - POISONED, area_on(&self->a, self->m.to));
	EXPECT_EQ(POISONED, area_on(&self->a, self->m.from));
	EXPECT_EQ(0, area_hinted(&self->a));
	EXPECT_EQ(0, area_bad(&self->a));
}

static int soft_offline(const struct crew *c, long i)
{
	return advise_page(c->a, i * 7 % c->a->pages, MADV_SOFT_OFFLINE);
}

TEST_F(lazy, soft_offline_beside_marks_and_writers_loses_no_write)
{
	struct crew c = {
		.a = &self->a, .m = &self->m, .op = soft_offline, .times = 2 * POISONED,
	};

	if (advise_page(&self->a, 0, MADV_SOFT_OFFLINE) == -EINVAL)
		SKIP(return, "kernel without memory failure");
	ASSERT_EQ(0, crew_run(&c));
	EXPECT_EQ(0, c.lost);
	/* All operations may have ended before a page was migrated. */
	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	area_read(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, area_hinted(&self->a));
	EXPECT_EQ(0, area_bad(&self->a));
}

/* Poison: the page is lost, and accesses to it raise SIGBUS. */

static __thread sigjmp_buf killed;
static __thread bool catching;

static void caught(int signal)
{
	if (!__atomic_load_n(&catching, __ATOMIC_SEQ_CST))
		_exit(KSFT_FAIL);
	siglongjmp(killed, 1);
}

/* Call @what for a page; true if it raised SIGBUS. */
static bool kills(const struct area *a, long page,
		  void (*what)(const struct area *a, long page))
{
	bool killing;

	signal(SIGBUS, caught);
	__atomic_store_n(&catching, true, __ATOMIC_SEQ_CST);
	killing = sigsetjmp(killed, 1);
	if (!killing)
		what(a, page);
	__atomic_store_n(&catching, false, __ATOMIC_SEQ_CST);
	return killing;
}

static void poison(const struct area *a, long page)
{
	advise_page(a, page, MADV_HWPOISON);
}

/* Compare a page; raises SIGBUS if it is poisoned. */
static bool page_is_right(const struct area *a, long page)
{
	struct area one = area_part(a, page, 1);

	return !area_bad(&one);
}

/* Make poisoned page frames usable again. */
static void unpoison(const long *pfn, long nr)
{
	long i;

	for (i = 0; i < nr; i++)
		if (pfn[i] >= 0)
			write_long(UNPOISON_PFN, pfn[i]);
}

TEST_F(lazy, a_poisoned_page_kills_whether_marked_or_not_and_the_others_move)
{
	long bad = 5, wrong = 0, i;
	struct area unmarked;
	bool kills_at_once, kills_at_touch;
	long pfn[2];

	if (access(POISON_PFN, W_OK))
		SKIP(return, "kernel without memory failure, or no debugfs");
	ASSERT_EQ(0, area_new(&unmarked, AREA_PAGES, self->m.from));
	pfn[0] = page_pfn(&unmarked, bad);
	kills_at_once = kills(&unmarked, bad, poison);
	kills_at_touch = kills(&unmarked, bad, page_read);
	EXPECT_TRUE(kills_at_touch);

	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(AREA_PAGES, area_hinted(&self->a));
	pfn[1] = page_pfn(&self->a, bad);
	EXPECT_EQ(kills_at_once, kills(&self->a, bad, poison));
	EXPECT_EQ(AREA_PAGES - 1, area_hinted(&self->a));
	ASSERT_EQ(0, run_on(self->m.to));
	EXPECT_TRUE(kills(&self->a, bad, page_read));
	for (i = 0; i < AREA_PAGES; i++)
		wrong += i != bad && !page_is_right(&self->a, i);
	EXPECT_EQ(0, wrong);
	EXPECT_EQ(AREA_PAGES - 1, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_hinted(&self->a));
	area_free(&self->a);
	area_free(&unmarked);
	unpoison(pfn, 2);
}

#define READERS		2
#define PATIENCE	60000	/* polls of a millisecond */

/* Page frames are poisoned by number while their pages migrate. */
struct victim {
	struct area *a;
	const struct machine *m;
	int stop;
	int readers;		/* number of started threads */
	long rounds[READERS];	/* rounds of each thread */
	long kills;		/* number of touches that raised SIGBUS */
};

static void compare(const struct area *a, long page)
{
	if (!page_is_right(a, page))
		raise(SIGUSR1);
}

static long wrong;

static void is_wrong(int signal)
{
	__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
}

static void *read_always(void *arg)
{
	struct victim *v = arg;
	int reader = __atomic_fetch_add(&v->readers, 1, __ATOMIC_RELAXED);
	long i, round;

	for (round = 0; !__atomic_load_n(&v->stop, __ATOMIC_RELAXED); round++) {
		__atomic_store_n(&v->rounds[reader], round, __ATOMIC_RELAXED);
		run_on(round % 2 ? v->m->to : v->m->from);
		mark(v->a, MPOL_LOCAL, 0);
		for (i = 0; i < v->a->pages; i++)
			if (kills(v->a, i, compare))
				__atomic_add_fetch(&v->kills, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Wait until each reader has read all pages once more. */
static bool wait_for_rounds(struct victim *v)
{
	long before[READERS];
	int i, looks = 0;

	for (i = 0; i < READERS; i++)
		before[i] = __atomic_load_n(&v->rounds[i], __ATOMIC_RELAXED);
	for (i = 0; i < READERS; i++)
		while (__atomic_load_n(&v->rounds[i], __ATOMIC_RELAXED) < before[i] + 2) {
			if (looks++ > PATIENCE)
				return false;
			usleep(1000);
		}
	return true;
}

/*
 * Number of poisoned pages: each touch of these raises SIGBUS. A page frame
 * that was poisoned while it was not mapped may have been left behind by a
 * migration.
 */
static long dead_pages(const struct area *a)
{
	long i, dead = 0;

	for (i = 0; i < a->pages; i++)
		dead += kills(a, i, page_read);
	return dead;
}

TEST_F(lazy, poison_beside_touches_takes_no_more_pages_than_were_poisoned)
{
	struct victim v = { .a = &self->a, .m = &self->m };
	pthread_t readers[READERS];
	long pfn[POISONED];
	long i, dead;

	if (access(POISON_PFN, W_OK))
		SKIP(return, "kernel without memory failure, or no debugfs");
	signal(SIGUSR1, is_wrong);
	signal(SIGBUS, caught);
	for (i = 0; i < READERS; i++)
		ASSERT_EQ(0, pthread_create(&readers[i], NULL, read_always, &v));
	for (i = 0; i < POISONED; i++) {
		usleep(50000);
		pfn[i] = page_pfn(&self->a, i * 7);
		if (pfn[i] >= 0)
			write_long(POISON_PFN, pfn[i]);
	}
	EXPECT_TRUE(wait_for_rounds(&v));
	__atomic_store_n(&v.stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < READERS; i++)
		pthread_join(readers[i], NULL);
	EXPECT_EQ(0, wrong);
	dead = dead_pages(&self->a);
	EXPECT_GE(POISONED, dead);
	EXPECT_EQ(dead > 0, v.kills > 0);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_LT(0, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, area_hinted(&self->a));
	area_free(&self->a);
	unpoison(pfn, POISONED);
}

#include "lib/main.h"
