// SPDX-License-Identifier: GPL-2.0
/* What threads do with their memory: a word in each page, and computing. */
#include <time.h>

#include "auto.h"

#define LINE_BYTES	64
#define LINES		64
#define SLICE_NS	10000000ULL	/* work and pause together */
#define YIELD_EVERY	64		/* touches; a power of two */

/* Each thread has a word of its own in each page: no touch gets lost. */
static uint64_t *word_of(const struct worker *worker, size_t page)
{
	const struct area *area = &worker->plan->area;
	size_t offset = worker->thread % LINES * LINE_BYTES +
			worker->thread / LINES * sizeof(uint64_t);

	return (uint64_t *)(area->base + page * area->page_bytes + offset);
}

/* A chain that takes the same time with each value; eight steps a round */
static uint64_t compute(uint64_t value, unsigned int rounds)
{
	while (rounds--) {
		for (int i = 0; i < 8; i++) {
			value = (value << 7 | value >> 57) + 0x9e3779b9;
			asm volatile("" : "+r" (value));
		}
	}
	return value;
}

/*
 * A hint to the CPU, and more to QEMU: when it counts instructions, one thread
 * runs all CPUs in turns, and before version 8.1 a turn lasts to the next timer
 * of any of them. Those that follow get nothing, for seconds. With this
 * instruction a turn ends.
 */
void yield_cpu(void)
{
#if __has_builtin(__builtin_ia32_pause)
	__builtin_ia32_pause();
#endif
}

void touch_pages(struct worker *worker, const struct share *share,
		 unsigned int nr)
{
	unsigned int rounds = worker->plan->opts->compute;

	for (unsigned int i = 0; i < nr; i++) {
		(*word_of(worker, share->first + worker->pos * share->step))++;
		worker->value = compute(worker->value, rounds);
		if (++worker->pos == share->nr)
			worker->pos = 0;
		if (i % YIELD_EVERY == 0)
			yield_cpu();
	}
	worker->touches += nr;
	atomic_store_explicit(&worker->slot->touches, worker->touches,
			      memory_order_relaxed);
}

/* What all touches of this thread have left in the memory of its process */
uint64_t worker_count(const struct worker *worker)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < worker->plan->area.nr_pages; i++)
		sum += *word_of(worker, i);
	return sum;
}

void worker_pause(struct worker *worker)
{
	unsigned int busy = worker->plan->opts->busy;
	uint64_t until;
	struct timespec ts;

	if (busy == 100 ||
	    now_ns() - worker->slice_ns < SLICE_NS / 100 * busy)
		return;
	until = worker->slice_ns + SLICE_NS;
	ts.tv_sec = (time_t)(until / 1000000000);
	ts.tv_nsec = (long)(until % 1000000000);
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
	worker->slice_ns = now_ns();
}

static void fill_share(const struct worker *worker, const struct share *share)
{
	for (size_t i = 0; i < share->nr; i++)
		*word_of(worker, share->first + i * share->step) = 0;
}

/* Each what it uses, or the main thread of the process all of it */
void fill_pages(const struct worker *worker)
{
	const struct plan *plan = worker->plan;
	const struct share all = { .step = 1, .nr = plan->area.nr_pages };
	unsigned int per_proc = plan->nr_threads / plan->nr_procs;

	if (plan->workload->work)
		return;
	if (plan->workload->spread_fill)
		fill_share(worker, worker->share);
	else if (worker->thread % per_proc == 0)
		fill_share(worker, &all);
}
