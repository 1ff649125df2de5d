// SPDX-License-Identifier: GPL-2.0
/*
 * Stress: threads on all nodes mark, touch, drop, swap, split, move and fork the
 * same memory, and compare it with a model of what it should hold.
 *
 * With --flip it damages the memory itself after half of the time, and so fails.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <numa.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest.h"
#include "lib/long.h"
#include "lib/stress.h"

#define CHUNK_PAGES	512L
#define REPORT		60	/* seconds */

struct options {
	long seconds;
	long threads;
	long seed;
	long flip;
};

static void parse(struct options *o, int argc, char **argv)
{
	const struct setting settings[] = {
		{ "seconds", "how long (20)", &o->seconds, 1, LONG_MAX },
		{ "threads", "how many (4)", &o->threads, 1, MAX_THREADS },
		{ "seed", "of what they do (the time)", &o->seed, 0, LONG_MAX },
		{ "flip", "damage memory after half of the time", &o->flip, 0, 0 },
		{ }
	};

	settings_parse(settings, argc, argv);
}

static void find_nodes(struct stress *s)
{
	struct bitmask *cpus = numa_allocate_cpumask();
	int node, cpu;

	s->memory = memory_nodes();
	for (node = 0; node <= numa_max_node() && s->nodes < MAX_NODES; node++) {
		if (numa_node_to_cpus(node, cpus) || !numa_bitmask_weight(cpus))
			continue;
		CPU_ZERO(&s->cpus[s->nodes]);
		for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
			if (numa_bitmask_isbitset(cpus, cpu))
				CPU_SET(cpu, &s->cpus[s->nodes]);
		s->nodes++;
	}
	numa_free_cpumask(cpus);
}

/*
 * Chunks of each kind for all threads, and one for each thread. Half of all are
 * kept from children, as fork(2) makes a process share whatever it has.
 */
static void make_chunks(struct stress *s)
{
	int i, kind;

	for (i = -2; i < s->threads; i++)
		for (kind = 0; kind < NR_CHUNK_KINDS; kind++) {
			struct chunk *c = &s->chunk[s->chunks];

			c->id = s->chunks++;
			c->kind = kind;
			c->owner = i < 0 ? -1 : i;
			c->forked = i % 2;
			c->a.pages = CHUNK_PAGES;
			if (chunk_new(c, s->threads))
				ksft_exit_fail_msg("no memory for chunk %d\n", c->id);
		}
}

static void *work(void *arg)
{
	struct worker *w = arg;

	while (!__atomic_load_n(&w->s->stop, __ATOMIC_RELAXED) && !model_errors())
		worker_step(w);
	return NULL;
}

/* Each word of each thread, once more. */
static void check_all(struct stress *s)
{
	long page;
	int i, t;

	for (i = 0; i < s->chunks; i++)
		for (page = 0; page < CHUNK_PAGES; page++) {
			for (t = 0; t < s->threads; t++)
				model_check(&s->chunk[i], t, page);
			model_look(&s->chunk[i], page);
		}
}

/* Find a page that thread 0 has written to, and damage that. */
static bool flip_one(struct stress *s)
{
	struct chunk *c = &s->chunk[0];
	long page;

	for (page = 0; page < CHUNK_PAGES; page++)
		if (c->generation[0][page]) {
			pthread_rwlock_rdlock(&c->moving);
			model_flip(c, 0, page);
			pthread_rwlock_unlock(&c->moving);
			return true;
		}
	return false;
}

static void summary(const struct worker *w, const struct stats *before, time_t since)
{
	long done = 0, verified = 0;
	struct stats d;
	int i;

	for (i = 0; i < w->s->threads; i++) {
		done += w[i].done;
		verified += w[i].verified;
	}
	stats_since(before, &d);
	ksft_print_msg("%ld s: %ld operations, %ld bytes verified, %ld pages swapped out\n",
		       (long)(time(NULL) - since), done, verified, d.v[PSWPOUT]);
	ksft_print_msg("pages: %ld marked, %ld migrated (%ld by windows, %ld THPs)\n",
		       d.v[MOF_MARKED], d.v[MOF_MIGRATED], d.v[MOF_WINDOWED],
		       d.v[MOF_MIGRATED_THP]);
	ksft_print_msg("pages: %ld local, %ld failed\n", d.v[MOF_LOCAL], stats_failed(&d));
}

/* Run the threads for the time given, or until one has found an error. */
static void run(struct stress *s, const struct options *o, const struct stats *before)
{
	struct worker w[MAX_THREADS] = { };
	time_t begin = time(NULL), report = begin;
	bool flip = o->flip;
	int i;

	for (i = 0; i < s->threads; i++) {
		w[i].s = s;
		w[i].id = i;
		w[i].random = (o->seed + i + 1) * 0x9e3779b97f4a7c15ULL;
		if (pthread_create(&w[i].thread, NULL, work, &w[i]))
			ksft_exit_fail_msg("no thread %d\n", i);
	}
	while (time(NULL) < begin + o->seconds && !model_errors()) {
		sleep(1);
		if (flip && time(NULL) >= begin + o->seconds / 2)
			flip = !flip_one(s);
		if (time(NULL) >= report + REPORT) {
			report = time(NULL);
			summary(w, before, begin);
		}
	}
	__atomic_store_n(&s->stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < s->threads; i++)
		pthread_join(w[i].thread, NULL);
	check_all(s);
	summary(w, before, begin);
}

static void died(int signal, siginfo_t *info, void *context)
{
	char text[64];
	int len = snprintf(text, sizeof(text), "Bail out! signal %d at %p\n", signal,
			   info->si_addr);

	_exit(write(STDOUT_FILENO, text, len) == len ? KSFT_FAIL : KSFT_FAIL + 100);
}

static void catch_signals(void)
{
	struct sigaction action = { .sa_sigaction = died, .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}

static void judge(struct stress *s, const struct stats *before)
{
	long errors = model_errors();
	struct stats d;

	stats_since(before, &d);
	ksft_test_result(!errors, "contents_are_those_of_the_model\n");
	ksft_test_result(d.v[MOF_MIGRATED] > 0, "marked_pages_have_migrated\n");
	ksft_test_result(!stats_unreconciled(&d), "counters_reconcile\n");
	/* Would it have been found? */
	model_write(&s->chunk[0], 0, 0);
	model_flip(&s->chunk[0], 0, 0);
	ksft_print_msg("a bit is flipped now: \"lost\" and \"astray\" are to be seen\n");
	check_all(s);
	ksft_test_result(model_errors() > errors, "a_flipped_bit_is_found\n");
}

int main(int argc, char **argv)
{
	struct options o = { .seconds = 20, .threads = 4, .seed = time(NULL) };
	static struct stress s;
	struct stats before;
	struct stage stage;

	parse(&o, argc, argv);
	stage_begin(&stage, 4);
	s.threads = o.threads;
	find_nodes(&s);
	make_chunks(&s);
	catch_signals();
	ksft_print_msg("seed %ld, %ld threads, %d chunks of %ld pages\n", o.seed, o.threads,
		       s.chunks, CHUNK_PAGES);
	stats_read(&before);
	run(&s, &o, &before);
	judge(&s, &before);
	stage_close(&stage);
	ksft_finished();
}
