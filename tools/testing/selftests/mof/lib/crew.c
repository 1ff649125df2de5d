// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that write to an area all the time, from changing nodes, while it is
 * marked again and again and while something else disturbs them. Each writer has
 * a word of its own in each page, and knows what it wrote there last.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "util.h"

#define WRITERS		2
#define MARKS		20	/* at least */
#define ROUNDS		20	/* of each writer, at least */
#define MOVE_EVERY	4	/* marks */

struct writer {
	pthread_t thread;
	struct crew *c;
	long slot;
};

/* A different place in each page, so that all of a page is looked at. */
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

/* The writers change nodes together, and for half of the time are on two. */
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

/* Words outside of the slots that are other than area_fill() wrote them. */
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
 * crew_run() - disturb the writers @c->times times, and look for what they lost
 * @c: @a, @m, @op and @times are set; the area has been filled
 *
 * The calling thread does the disturbing. The area is filled anew in the end.
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
