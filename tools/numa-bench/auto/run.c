// SPDX-License-Identifier: GPL-2.0
/*
 * One run of a workload, seen from outside: start its processes, look at each
 * interval where their pages are, stop them, look at all pages.
 *
 * move_pages(2) without nodes tells where pages are. It moves nothing and is no
 * touch; it costs some hundred instructions per page, and holds mmap_lock for 16
 * pages at a time.
 */
#include <errno.h>
#include <numaif.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auto.h"
#include "mark.h"

#define BATCH	1024

struct watch {
	const struct plan *plan;
	struct watched {
		void **pages;
		int *nodes;	/* of each page, or a negative errno */
		size_t nr;
	} *shares;
};

/* One of each of nr consecutive parts of the share, at random */
static size_t choose(const struct share *share, size_t idx, size_t nr,
		     uint64_t seed)
{
	size_t first = share->nr * idx / nr;
	size_t end = share->nr * (idx + 1) / nr;
	size_t page = first + mix64(seed + idx) % (end - first);

	return share->first + page * share->step;
}

static int choose_pages(const struct plan *plan, const struct share *share,
			struct watched *watched, unsigned int nr)
{
	const struct area *area = &plan->area;

	watched->nr = nr && nr < share->nr ? nr : share->nr;
	watched->pages = calloc(watched->nr, sizeof(*watched->pages));
	watched->nodes = calloc(watched->nr, sizeof(*watched->nodes));
	if (!watched->pages || !watched->nodes)
		return -1;
	for (size_t i = 0; i < watched->nr; i++)
		watched->pages[i] = area->base + area->page_bytes *
			choose(share, i, watched->nr, plan->opts->seed);
	return 0;
}

static void watch_free(struct watch *watch)
{
	for (unsigned int i = 0; watch->shares && i < watch->plan->nr_shares;
	     i++) {
		free(watch->shares[i].pages);
		free(watch->shares[i].nodes);
	}
	free(watch->shares);
	watch->shares = NULL;
}

static int watch_make(struct watch *watch, const struct plan *plan,
	       unsigned int pages)
{
	watch->plan = plan;
	watch->shares = calloc(plan->nr_shares + 1, sizeof(*watch->shares));
	if (!watch->shares)
		return -1;
	for (unsigned int i = 0; i < plan->nr_shares; i++)
		if (choose_pages(plan, &plan->shares[i], &watch->shares[i],
				 pages)) {
			watch_free(watch);
			return -1;
		}
	return 0;
}

static int ask(const struct watch *watch, unsigned int idx)
{
	const struct plan *plan = watch->plan;
	struct watched *watched = &watch->shares[idx];
	pid_t pid = plan->pids[plan->shares[idx].proc];

	for (size_t done = 0; done < watched->nr; done += BATCH) {
		size_t nr = watched->nr - done;

		if (move_pages(pid, nr < BATCH ? nr : BATCH,
			       watched->pages + done, NULL,
			       watched->nodes + done, 0) < 0)
			return -1;
	}
	return 0;
}

static void count_nodes(const struct watch *watch, struct point *point)
{
	const struct plan *plan = watch->plan;

	for (unsigned int i = 0; i < plan->nr_shares; i++)
		for (size_t k = 0; k < watch->shares[i].nr; k++)
			for (unsigned int n = 0; n < plan->nr_nodes; n++)
				point->node_pages[n] +=
					watch->shares[i].nodes[k] == plan->nodes[n];
}

/* A page that is on its way is on no node, and left out. */
static double local_part(const struct watched *watched, int node)
{
	size_t present = 0, local = 0;

	for (size_t i = 0; i < watched->nr; i++) {
		present += watched->nodes[i] >= 0;
		local += watched->nodes[i] == node;
	}
	return present ? (double)local / (double)present : 0;
}

static void look_at_thread(const struct watch *watch, unsigned int thread,
			   struct point *point)
{
	const struct slot *slot = &watch->plan->board->slot[thread];
	struct thread_point *own = &point->threads[thread];

	own->touches = slot->touches;
	own->node = slot->node;
	own->share = slot->share;
	point->touches += own->touches;
	if (!watch->plan->nr_shares)
		return;
	own->local = local_part(&watch->shares[own->share], own->node);
	point->local += own->local / watch->plan->nr_threads;
}

/* The caller fills in the time and the counters. */
static int watch_look(struct watch *watch, struct point *point)
{
	const struct plan *plan = watch->plan;

	point->threads = calloc(plan->nr_threads, sizeof(*point->threads));
	point->node_pages = calloc(plan->nr_nodes, sizeof(*point->node_pages));
	if (!point->threads || !point->node_pages)
		return -1;
	for (unsigned int i = 0; i < plan->nr_shares; i++)
		if (ask(watch, i))
			return -1;
	count_nodes(watch, point);
	for (unsigned int i = 0; i < plan->nr_threads; i++)
		look_at_thread(watch, i, point);
	if (!plan->nr_shares)
		point->local = -1;
	return 0;
}

struct run {
	struct plan *plan;
	struct auto_sample *sample;
	struct watch watch;
	struct counters begin;
	uint64_t begin_ns;
	size_t room;		/* for points */
};

static void sleep_until(uint64_t ns)
{
	struct timespec ts = {
		.tv_sec = (time_t)(ns / 1000000000),
		.tv_nsec = (long)(ns % 1000000000),
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR &&
	       !interrupted())
		;
}

/* How many threads have come to a point of the run; -1: a process ended */
static int wait_for(const struct plan *plan, atomic_uint *count)
{
	while (*count < plan->nr_threads) {
		if (work_check(plan))
			return -1;
		sleep_until(now_ns() + 1000000);
	}
	return 0;
}

static int take_point(struct run *run)
{
	struct auto_sample *sample = run->sample;
	struct point *point = &sample->points[sample->nr_points];
	uint64_t begin = thread_cpu_ns();

	if (sample->nr_points == run->room)
		return 0;
	memset(point, 0, sizeof(*point));
	sample->nr_points++;	/* whatever follows, it is to be freed */
	point->counts = run->begin;
	point->ns = now_ns() - run->begin_ns;
	run->plan->board->looks++;
	if (watch_look(&run->watch, point) || counters_stop(&point->counts))
		return -1;
	run->plan->board->looks++;
	sample->watch_ns += thread_cpu_ns() - begin;
	return 0;
}

/* Until then, threads look as if all were still local. */
static int wait_for_epoch(const struct plan *plan)
{
	const struct board *board = plan->board;

	for (unsigned int i = 0; i < plan->nr_threads; i++)
		while (board->slot[i].epoch != board->epoch) {
			if (interrupted() || work_check(plan))
				return -1;
			sleep_until(now_ns() + 1000000);
		}
	return 0;
}

static int next_epoch(struct run *run)
{
	struct auto_sample *sample = run->sample;

	sample->epochs[sample->nr_epochs++] = now_ns() - run->begin_ns;
	run->plan->board->epoch++;
	return wait_for_epoch(run->plan);
}

/* When the threads are to move on, or NEVER */
static uint64_t epoch_due(const struct run *run)
{
	unsigned int nr = run->sample->nr_epochs;

	if (!run->plan->workload->periodic || nr == AUTO_MAX_SWAPS)
		return NEVER;
	return run->begin_ns + nr * run->plan->opts->period_ns;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static int watch_until_end(struct run *run)
{
	const struct auto_opts *opts = run->plan->opts;
	uint64_t end = run->begin_ns + opts->run_ns, now;
	uint64_t next = run->begin_ns;

	while ((now = now_ns()) < end) {
		if (interrupted() || work_check(run->plan))
			return -1;
		if (now >= epoch_due(run) && next_epoch(run))
			return -1;
		if (now >= next) {
			if (take_point(run))
				return -1;
			next += opts->interval_ns;
		}
		sleep_until(min_u64(min_u64(next, end), epoch_due(run)));
	}
	return take_point(run);
}

/*
 * The stock balancer marks memory at each second or so: a move at once after
 * that looks as if it were quick. Repeats are to meet it at any time.
 */
static uint64_t first_period(const struct plan *plan)
{
	return plan->opts->period_ns +
	       mix64(plan->opts->seed + plan->repeat) % 1000000000;
}

/* For numa-model, if we are in a guest that it watches */
static void mark_start(const struct plan *plan)
{
	char label[80];

	snprintf(label, sizeof(label), "%s %s %s", plan->workload->name,
		 page_kind_names[plan->area.kind], mode_names[plan->mode]);
	numa_mark_start(label);
}

/* Time begins here, or after a first period in which all is as it was. */
static int begin(struct run *run)
{
	const struct plan *plan = run->plan;

	for (unsigned int i = 0; i < plan->nr_threads; i++)
		sem_post(&plan->board->go);
	if (plan->workload->settles_first) {
		sleep_until(now_ns() + first_period(plan));
		plan->board->epoch++;
		if (wait_for_epoch(plan))
			return -1;
	}
	run->sample->epochs[run->sample->nr_epochs++] = 0;
	if (counters_start(&run->begin))
		return -1;
	run->begin_ns = now_ns();
	mark_start(plan);
	return 0;
}

static int look_at_all(struct run *run)
{
	struct watch all;
	int ret;

	if (watch_make(&all, run->plan, 0))
		return -1;
	ret = watch_look(&all, &run->sample->last);
	watch_free(&all);
	return ret;
}

static void add_up(struct auto_sample *sample, const struct plan *plan)
{
	for (unsigned int i = 0; i < plan->nr_threads; i++) {
		const struct slot *slot = &plan->board->slot[i];

		sample->user_ns += slot->user_ns;
		sample->sys_ns += slot->sys_ns;
		sample->minor_faults += slot->minor_faults;
		sample->jobs += slot->jobs;
		sample->lost_touches += slot->lost_touches;
		if (slot->longest_ns > sample->longest_ns)
			sample->longest_ns = slot->longest_ns;
	}
}

static void find_times(struct auto_sample *sample, const struct plan *plan)
{
	for (unsigned int i = 0; i < sample->nr_epochs; i++)
		sample->t95[i] = plan->workload->no_owner ? NEVER :
			time_to_local(sample->points, sample->nr_points,
				      sample->epochs[i],
				      i + 1 < sample->nr_epochs ?
				      sample->epochs[i + 1] : NEVER);
	while (sample->settled < sample->nr_points &&
	       sample->points[sample->settled].ns < plan->opts->settle_ns)
		sample->settled++;
}

static int measure(struct run *run)
{
	struct auto_sample *sample = run->sample;
	struct plan *plan = run->plan;

	if (work_start(plan) || wait_for(plan, &plan->board->ready) ||
	    watch_make(&run->watch, plan, plan->opts->pages) || begin(run) ||
	    watch_until_end(run))
		return -1;
	sample->wall_ns = now_ns() - run->begin_ns;
	numa_mark_stop();
	plan->board->stop = true;
	if (wait_for(plan, &plan->board->done) || look_at_all(run) ||
	    work_join(plan))
		return -1;
	add_up(sample, plan);
	find_times(sample, plan);
	return 0;
}

int auto_run(struct auto_sample *sample, struct plan *plan)
{
	struct run run = { .plan = plan, .sample = sample };
	const struct auto_workload *workload = plan->workload;
	int ret, err;

	memset(sample, 0, sizeof(*sample));
	sample->nr_threads = plan->nr_threads;
	sample->nr_pages = plan->area.nr_pages * plan->nr_procs;
	run.room = plan->opts->run_ns / plan->opts->interval_ns + 3;
	sample->points = calloc(run.room, sizeof(*sample->points));
	if (!sample->points || (workload->prepare && workload->prepare(plan)))
		return -1;
	ret = measure(&run);
	err = errno;
	if (ret)
		work_kill();
	if (workload->finish)
		workload->finish(plan);
	watch_free(&run.watch);
	errno = err;
	return ret;
}

static void point_free(struct point *point)
{
	free(point->threads);
	free(point->node_pages);
}

void auto_sample_free(struct auto_sample *sample)
{
	for (size_t i = 0; i < sample->nr_points; i++)
		point_free(&sample->points[i]);
	point_free(&sample->last);
	free(sample->points);
	memset(sample, 0, sizeof(*sample));
}
