// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that use memory from one node, for the automatic mode to find out.
 * Each has a word of its own in each page, and knows what it wrote there last.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "util.h"

#define SETTLE_SECONDS	30	/* patience, not a measure */
#define NAP		20000	/* microseconds */

static __u64 *word_of(const struct toucher *t, long page)
{
	return (__u64 *)(t->a->base + page * page_size()) + crew_word(page, t->slot);
}

/* Give a sibling of this CPU, or the CPU that emulates it, a chance. */
static void relax(void)
{
#if __has_builtin(__builtin_ia32_pause)
	__builtin_ia32_pause();
#else
	asm volatile("" ::: "memory");
#endif
}

static void write_pages(struct toucher *t, __u64 before, __u64 now)
{
	__u64 *word;
	long i;

	for (i = t->first; i < t->a->pages; i += t->step) {
		word = word_of(t, i);
		t->lost += __atomic_load_n(word, __ATOMIC_RELAXED) != before;
		__atomic_store_n(word, now, __ATOMIC_RELAXED);
		relax();
	}
}

/* Leave the area with the contents that area_bad() expects. */
static void put_back(const struct toucher *t)
{
	long i;

	for (i = t->first; i < t->a->pages; i += t->step)
		*word_of(t, i) = area_word(t->a, i, crew_word(i, t->slot));
}

static void *touch_always(void *arg)
{
	struct toucher *t = arg;
	__u64 round;

	if (t->fifo)
		sched_setscheduler(0, SCHED_FIFO, &(struct sched_param) { 1 });
	for (round = 1; !__atomic_load_n(&t->stop, __ATOMIC_RELAXED); round++) {
		if (my_node() != t->node)
			run_on(t->node);	/* its CPUs may be gone */
		write_pages(t, round - 1, round);
		__atomic_store_n(&t->rounds, round, __ATOMIC_RELAXED);
	}
	put_back(t);
	return NULL;
}

/**
 * toucher_start() - start the thread
 * @t: @a, @node, @slot, @first, @step and @fifo are set; the area has been filled
 *
 * Return: 0, or a negative errno.
 */
int toucher_start(struct toucher *t)
{
	long i;

	t->step = t->step ? : 1;
	for (i = t->first; i < t->a->pages; i += t->step)
		*word_of(t, i) = 0;
	return -pthread_create(&t->thread, NULL, touch_always, t);
}

void toucher_stop(struct toucher *t)
{
	__atomic_store_n(&t->stop, true, __ATOMIC_RELAXED);
	pthread_join(t->thread, NULL);
}

/* Number of its pages that are not on its node; touches none. */
long toucher_misplaced(const struct toucher *t)
{
	long i, found = 0;

	for (i = t->first; i < t->a->pages; i += t->step)
		found += page_node(t->a, i) != t->node;
	return found;
}

/* Wait until its pages are on its node, but for 5%; but not for ever. */
bool toucher_settles(const struct toucher *t)
{
	long pages = (t->a->pages - t->first + t->step - 1) / t->step;
	time_t end = time(NULL) + SETTLE_SECONDS;

	while (toucher_misplaced(t) > pages / 20) {
		if (time(NULL) > end)
			return false;
		usleep(NAP);
	}
	return true;
}

static double cpu_seconds(const struct toucher *t)
{
	struct timespec now = { 0 };
	clockid_t clock;

	if (!pthread_getcpuclockid(t->thread, &clock))
		clock_gettime(clock, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/* Wait until the thread has run for so long, and for a round more. */
void toucher_work(const struct toucher *t, double seconds)
{
	double end = cpu_seconds(t) + seconds;
	long round;

	while (cpu_seconds(t) < end)
		usleep(NAP);
	round = __atomic_load_n(&t->rounds, __ATOMIC_RELAXED) + 2;
	while (__atomic_load_n(&t->rounds, __ATOMIC_RELAXED) < round)
		usleep(NAP);
}
