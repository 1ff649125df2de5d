// SPDX-License-Identifier: GPL-2.0
/*
 * Runs a race: holds a thread in its touch of a marked page, starts the
 * operation of another thread, and releases the first one.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "auto.h"
#include "race.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif

#define PATIENCE	20000	/* polls of 200 microseconds */
#define LONG		1000	/* polls of 200 microseconds */
#define LONGER		15	/* seconds: less than the hold time */
#define BRIEFLY		2	/* seconds, where mmap_lock may be contended */
#define ROUNDS		3	/* without hold points */
#define STEPS		60	/* seconds until the automatic mode acts */
#define USED		8	/* pages, one of which the other thread uses */
#define STAMP_WORD	7
#define OTHER_WORD	9

static __u64 *word_of(const struct race *r, long page, long word)
{
	return (__u64 *)(r->a.base + page * page_size()) + word;
}

/* The word where the faulting thread writes RACE_STAMP. */
__u64 *race_stamp(const struct race *r)
{
	return word_of(r, r->page, STAMP_WORD);
}

/* The word where the other thread may write. */
__u64 *race_other(const struct race *r)
{
	return word_of(r, r->other_page, OTHER_WORD);
}

/* Number of tries: one with a hold, several at random. */
long race_rounds(void)
{
	return have_points() ? 1 : ROUNDS;
}

/* Map the area of the race, filled, on @r->m->from. */
int race_area(struct race *r)
{
	long pages = r->op->pages ? : RACE_PAGES;
	int err;

	r->page = r->kind == RACE_THP ? 0 : RACE_BEFORE;
	if (r->kind == RACE_THP)
		err = area_new_thp(&r->a, 1, r->m->from);
	else if (r->kind == RACE_SHARED)
		err = area_new_shared(&r->a, pages, r->m->from);
	else if (pages == extent_pages())
		err = area_new_extents(&r->a, 1, r->m->from);
	else
		err = area_new(&r->a, pages, r->m->from);
	r->other_page = r->page;
	r->left = r->a.pages;
	return err;
}

/* Use some pages of the first half, as a thread on the other node does. */
static void use_half(const struct race *r)
{
	long i;

	for (i = 1; i < r->a.pages / 2; i += USED)
		page_read(&r->a, i);
}

/*
 * Accesses from both nodes make the mode mark samples; then make all memory
 * misplaced. Real-time threads make no steps, so this thread makes all.
 */
static void use_until_let_go(const struct race *r)
{
	time_t end = time(NULL) + 2;

	sched_setscheduler(0, SCHED_OTHER, &(struct sched_param) { });
	run_on(r->m->from);
	while (time(NULL) < end)
		use_half(r);
	run_on(r->m->to);
	while (!__atomic_load_n(&r->let_go, __ATOMIC_ACQUIRE))
		use_half(r);
}

static void *touch(void *arg)
{
	struct race *r = arg;
	long i;

	run_on(r->marks ? r->m->from : r->m->to);
	/* Backwards, so that each fault resolves one page only. */
	for (i = r->page - 1; i >= 0 && !r->marks; i--)
		page_read(&r->a, i);
	r->tid = syscall(SYS_gettid);
	pthread_barrier_wait(&r->barrier);
	/* The point is set now. */
	pthread_barrier_wait(&r->barrier);
	if (r->steps)
		use_until_let_go(r);
	else if (r->marks)
		mark(&r->a, MPOL_LOCAL, 0);
	else
		__atomic_store_n(race_stamp(r), RACE_STAMP, __ATOMIC_RELAXED);
	__atomic_store_n(&r->touched, true, __ATOMIC_RELEASE);
	return NULL;
}

static void *come(void *arg)
{
	struct race *r = arg;

	/* Let libraries map per-thread memory now, as it would block later. */
	run_on(r->m->from);
	pthread_barrier_wait(&r->start);
	__atomic_store_n(&r->other_tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	r->err = r->op->run(r);
	__atomic_store_n(&r->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* Steps are frequent: hold again until enough pages are marked. */
static bool is_held(const struct race *r)
{
	if (point_hits(r->point) <= 0)
		return false;
	if (!r->hinted || area_hinted(&r->a) >= r->hinted)
		return true;
	point_hold(r->point, r->tid, 1);
	return false;
}

/*
 * The faulting thread is held, or has passed the point. At points inside the page table
 * lock it is held for a moment only.
 */
static bool wait_until_held(const struct race *r)
{
	time_t end = time(NULL) + STEPS;
	int looks;

	for (looks = 0; r->steps ? time(NULL) < end : looks < PATIENCE; looks++) {
		if (is_held(r))
			return true;
		if (__atomic_load_n(&r->touched, __ATOMIC_ACQUIRE))
			return point_hits(r->point) > 0;
		usleep(200);
	}
	return false;
}

/* An operation with @first may sleep without waiting for the touch. */
static bool has_come(const struct race *r)
{
	pid_t tid = __atomic_load_n(&r->other_tid, __ATOMIC_ACQUIRE);

	return __atomic_load_n(&r->done, __ATOMIC_ACQUIRE) ||
	       (!r->op->first && tid && thread_sleeps(getpid(), tid));
}

/*
 * The operation has ended, or sleeps, or has been running for long, perhaps
 * spinning on a lock.
 */
static void wait_until_come(const struct race *r)
{
	time_t end = time(NULL) + (r->marks ? BRIEFLY : LONGER);
	int looks = 0;

	while (!has_come(r) && (r->op->first ? time(NULL) < end : looks++ < LONG))
		usleep(200);
}

/**
 * race_run() - run the touch and the operation
 * @r: @m, @kind, @point and @op are set, the area is mapped and marked
 *
 * Return: 0, or a negative errno if threads could not be started.
 */
int race_run(struct race *r)
{
	bool held = have_points();

	r->touched = false;
	r->done = false;
	r->first = false;
	r->let_go = false;
	r->other_tid = 0;
	pthread_barrier_init(&r->barrier, NULL, 2);
	pthread_barrier_init(&r->start, NULL, 2);
	/* Create both now: thread creation would wait for a held marker. */
	if (pthread_create(&r->thread, NULL, touch, r) ||
	    pthread_create(&r->other, NULL, come, r))
		return -EAGAIN;
	pthread_barrier_wait(&r->barrier);
	if (held)
		point_hold(r->point, r->tid, 1);
	pthread_barrier_wait(&r->barrier);
	r->reached = held ? wait_until_held(r) : true;
	if (!held)
		usleep(50 * r->round);
	pthread_barrier_wait(&r->start);
	if (held) {
		wait_until_come(r);
		r->first = __atomic_load_n(&r->done, __ATOMIC_ACQUIRE) &&
			   point_waiting(r->point) > 0;
		point_release(r->point);
	}
	__atomic_store_n(&r->let_go, true, __ATOMIC_RELEASE);
	pthread_join(r->thread, NULL);
	pthread_join(r->other, NULL);
	pthread_barrier_destroy(&r->barrier);
	pthread_barrier_destroy(&r->start);
	return 0;
}

/**
 * race_run_beside_writer() - race_run() beside a thread that writes in a loop
 * @r: as for race_run()
 *
 * It writes to some pages only, as its faults consume marks.
 *
 * Return: number of lost writes, or a negative errno.
 */
long race_run_beside_writer(struct race *r)
{
	struct area used = area_part(&r->a, 0, r->steps ? r->a.pages / 2 : r->a.pages);
	struct sweeper t = {
		.a = &used, .node = r->m->from, .step = USED, .fifo = r->steps,
	};
	int err = sweeper_start(&t);

	if (err)
		return err;
	sweeper_work(&t, 0.01);
	err = race_run(r);
	sweeper_work(&t, 0.01);
	sweeper_stop(&t);
	return err ? : t.lost;
}

static long lost_word(__u64 *word, __u64 want, __u64 before)
{
	long lost = *word != want;

	*word = before;
	return lost;
}

/* Number of words and pages with lost or stray writes. */
long race_lost(struct race *r)
{
	struct area left = area_part(&r->a, 0, r->left);
	long lost = 0;

	if (r->op->after == RACE_DROPS) {
		/* The touch may be first if the operation had to wait. */
		lost += !r->marks && *race_stamp(r) != RACE_STAMP &&
			(*race_stamp(r) || r->first);
		*race_stamp(r) = 0;
		return lost + area_not_zero(&left);
	}
	if (!r->marks)
		lost += lost_word(race_stamp(r), RACE_STAMP,
				  area_word(&r->a, r->page, STAMP_WORD));
	if (r->op->writes)
		lost += lost_word(race_other(r), RACE_OTHER,
				  area_word(&r->a, r->other_page, OTHER_WORD));
	return lost + area_bad(&left);
}

const char *race_swap_prepare(struct race *r)
{
	return swap_enable(&r->swap);
}

void race_swap_finish(struct race *r)
{
	swap_disable(&r->swap);
}

static int advise(const struct race *r, int advice)
{
	return madvise(r->a.base, area_bytes(&r->a), advice) ? -errno : 0;
}

int race_page_out(struct race *r)
{
	return advise(r, MADV_PAGEOUT);
}

/* MADV_DONTNEED would only unmap shared memory. */
int race_drop(struct race *r)
{
	return advise(r, r->kind == RACE_SHARED ? MADV_REMOVE : MADV_DONTNEED);
}

static int move(struct race *r, int node)
{
	long there = area_move(&r->a, node);

	return there < 0 ? there : 0;
}

int race_move_to(struct race *r)
{
	return move(r, r->m->to);
}

int race_move_back(struct race *r)
{
	return move(r, r->m->from);
}
