// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that write in a loop, and find lost writes: each has a word of its
 * own in each page, and remembers its last write.
 *
 * A crew writes from alternating nodes, while one thread marks and another
 * disturbs. A sweeper writes from one node, for the automatic mode to follow.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "util.h"

#define WRITERS		2
#define MARKS		20	/* minimum */
#define ROUNDS		20	/* minimum for each writer */
#define MOVE_EVERY	4	/* marks */
#define SETTLE_SECONDS	30	/* generous limit, not a requirement */
#define NAP		20000	/* microseconds */

struct writer {
	pthread_t thread;
	struct crew *c;
	long slot;
};

/* Spread slots over pages, so that all parts of a page are covered. */
long crew_word(long page, long slot)
{
	return (page * 5 * WRITERS + slot) % (page_size() / (long)sizeof(__u64));
}

static __u64 *word_of(const struct area *a, long page, long word)
{
	return (__u64 *)(a->base + page * page_size()) + word;
}

static bool is_slot(long page, long word)
{
	long slot;

	for (slot = 0; slot < WRITERS; slot++)
		if (crew_word(page, slot) == word)
			return true;
	return false;
}

static bool crew_done(const struct crew *c)
{
	return __atomic_load_n(&c->done, __ATOMIC_RELAXED) >= c->times &&
	       __atomic_load_n(&c->marks, __ATOMIC_RELAXED) >= MARKS;
}

/* Both writers change nodes together, and are apart half of the time. */
static void change_node(const struct writer *w, long *phase)
{
	const struct machine *m = w->c->m;
	long now = __atomic_load_n(&w->c->marks, __ATOMIC_RELAXED) / MOVE_EVERY;

	if (now == *phase)
		return;
	*phase = now;
	run_on((now + w->slot * (now / 2)) % 2 ? m->from : m->to);
}

static void *write_always(void *arg)
{
	struct writer *w = arg;
	struct crew *c = w->c;
	long i, lost = 0, phase = -1;
	__u64 round;
	__u64 *word;

	for (round = 1; round <= ROUNDS || !crew_done(c); round++) {
		change_node(w, &phase);
		for (i = 0; i < c->a->pages; i++) {
			word = word_of(c->a, i, crew_word(i, w->slot));
			lost += __atomic_load_n(word, __ATOMIC_RELAXED) != round - 1;
			__atomic_store_n(word, round, __ATOMIC_RELAXED);
		}
	}
	__atomic_add_fetch(&c->lost, lost, __ATOMIC_RELAXED);
	__atomic_add_fetch(&c->writing, -1, __ATOMIC_RELEASE);
	return NULL;
}

static void *mark_always(void *arg)
{
	struct crew *c = arg;

	while (!crew_done(c) || __atomic_load_n(&c->writing, __ATOMIC_ACQUIRE)) {
		mark(c->a, MPOL_LOCAL, 0);
		__atomic_add_fetch(&c->marks, 1, __ATOMIC_RELAXED);
		if (c->pause)
			usleep(c->pause);
	}
	return NULL;
}

/* Words outside of the slots that differ from area_fill(). */
static long bad_beside_slots(const struct area *a)
{
	long words = page_size() / (long)sizeof(__u64);
	long i, w, bad = 0;

	for (i = 0; i < a->pages; i++)
		for (w = 0; w < words; w++)
			bad += !is_slot(i, w) &&
			       *word_of(a, i, w) != area_word(a, i, w);
	return bad;
}

static void clear_slots(const struct area *a)
{
	long i, slot;

	for (i = 0; i < a->pages; i++)
		for (slot = 0; slot < WRITERS; slot++)
			*word_of(a, i, crew_word(i, slot)) = 0;
}

static void disturb(struct crew *c)
{
	long i;

	for (i = 0; i < c->times; i++) {
		if (c->op && c->op(c, i))
			c->refused++;
		__atomic_add_fetch(&c->done, 1, __ATOMIC_RELAXED);
	}
}

/**
 * crew_run() - disturb the writers @c->times times, and count lost writes
 * @c: @a, @m, @op and @times are set; the area is filled
 *
 * The calling thread does the disturbing. The area is filled anew at the end.
 *
 * Return: 0, or a negative errno if threads could not be started.
 */
int crew_run(struct crew *c)
{
	struct writer w[WRITERS];
	pthread_t marker;
	long i;

	clear_slots(c->a);
	c->writing = WRITERS;
	for (i = 0; i < WRITERS; i++) {
		w[i] = (struct writer) { .c = c, .slot = i };
		if (pthread_create(&w[i].thread, NULL, write_always, &w[i]))
			return -EAGAIN;
	}
	if (pthread_create(&marker, NULL, mark_always, c))
		return -EAGAIN;
	disturb(c);
	pthread_join(marker, NULL);
	for (i = 0; i < WRITERS; i++)
		pthread_join(w[i].thread, NULL);
	c->lost += bad_beside_slots(c->a);
	area_fill(c->a);
	return 0;
}

static __u64 *sweeper_word(const struct sweeper *t, long page)
{
	return (__u64 *)(t->a->base + page * page_size()) + crew_word(page, t->slot);
}

/* Yield to a sibling of this CPU, or to the host. */
static void relax(void)
{
#if __has_builtin(__builtin_ia32_pause)
	__builtin_ia32_pause();
#else
	asm volatile("" ::: "memory");
#endif
}

static void write_pages(struct sweeper *t, __u64 before, __u64 now)
{
	__u64 *word;
	long i;

	for (i = t->first; i < t->a->pages; i += t->step) {
		word = sweeper_word(t, i);
		t->lost += __atomic_load_n(word, __ATOMIC_RELAXED) != before;
		__atomic_store_n(word, now, __ATOMIC_RELAXED);
		relax();
	}
}

/* Restore the contents that area_bad() expects. */
static void put_back(const struct sweeper *t)
{
	long i;

	for (i = t->first; i < t->a->pages; i += t->step)
		*sweeper_word(t, i) = area_word(t->a, i, crew_word(i, t->slot));
}

static void *touch_always(void *arg)
{
	struct sweeper *t = arg;
	__u64 round;

	if (t->fifo)
		sched_setscheduler(0, SCHED_FIFO, &(struct sched_param) { 1 });
	for (round = 1; !__atomic_load_n(&t->stop, __ATOMIC_RELAXED); round++) {
		if (my_node() != t->node)
			run_on(t->node);	/* its CPUs may be offline */
		write_pages(t, round - 1, round);
		__atomic_store_n(&t->rounds, round, __ATOMIC_RELAXED);
	}
	put_back(t);
	return NULL;
}

/**
 * sweeper_start() - start the thread
 * @t: @a, @node, @slot, @first, @step and @fifo are set; the area is filled
 *
 * Return: 0, or a negative errno.
 */
int sweeper_start(struct sweeper *t)
{
	long i;

	t->step = t->step ? : 1;
	for (i = t->first; i < t->a->pages; i += t->step)
		*sweeper_word(t, i) = 0;
	return -pthread_create(&t->thread, NULL, touch_always, t);
}

void sweeper_stop(struct sweeper *t)
{
	__atomic_store_n(&t->stop, true, __ATOMIC_RELAXED);
	pthread_join(t->thread, NULL);
}

/* Number of its pages that are not on its node; touches none. */
long sweeper_misplaced(const struct sweeper *t)
{
	long i, found = 0;

	for (i = t->first; i < t->a->pages; i += t->step)
		found += page_node(t->a, i) != t->node;
	return found;
}

/* Wait until 95% of its pages are on its node, with a time limit. */
bool sweeper_settles(const struct sweeper *t)
{
	long pages = (t->a->pages - t->first + t->step - 1) / t->step;
	time_t end = time(NULL) + SETTLE_SECONDS;

	while (sweeper_misplaced(t) > pages / 20) {
		if (time(NULL) > end)
			return false;
		usleep(NAP);
	}
	return true;
}

static double cpu_seconds(const struct sweeper *t)
{
	struct timespec now = { 0 };
	clockid_t clock;

	if (!pthread_getcpuclockid(t->thread, &clock))
		clock_gettime(clock, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/* Wait until the thread has run for @seconds and one round more. */
void sweeper_work(const struct sweeper *t, double seconds)
{
	double end = cpu_seconds(t) + seconds;
	long round;

	while (cpu_seconds(t) < end)
		usleep(NAP);
	round = __atomic_load_n(&t->rounds, __ATOMIC_RELAXED) + 2;
	while (__atomic_load_n(&t->rounds, __ATOMIC_RELAXED) < round)
		usleep(NAP);
}
