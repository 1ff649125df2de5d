// SPDX-License-Identifier: GPL-2.0
/*
 * One run of a workload: start its processes, probe the nodes of their pages at
 * each interval, stop them, probe all pages.
 *
 * A probe calls move_pages(2) without target nodes, which neither migrates nor
 * touches pages. It costs some hundred instructions per page, and holds mmap_lock
 * for 16 pages at a time.
 */
#include <errno.h>
#include <numaif.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auto.h"
#include "mark.h"

struct probe {
	const struct plan *plan;
	struct probed {
		void **pages;
		int *nodes;	/* of each page, or a negative errno */
		size_t nr;
	} *shares;
};

/* Divides a share into @nr parts, and chooses a page of each at random. */
static int choose_pages(const struct plan *plan, const struct share *share,
			struct probed *probed, unsigned int nr)
{
	probed->nr = nr && nr < share->nr ? nr : share->nr;
	probed->pages = calloc(probed->nr, sizeof(*probed->pages));
	probed->nodes = calloc(probed->nr, sizeof(*probed->nodes));
	if (!probed->pages || !probed->nodes)
		return -1;
	for (size_t i = 0; i < probed->nr; i++) {
		size_t first = share->nr * i / probed->nr;
		size_t end = share->nr * (i + 1) / probed->nr;
		size_t page = first + mix64(plan->opts->seed + i) % (end - first);

		page = share->first + page * share->step;
		probed->pages[i] = plan->area.base + page * plan->area.page_bytes;
	}
	return 0;
}

static void probe_free(struct probe *probe)
{
	for (unsigned int i = 0; probe->shares && i < probe->plan->nr_shares;
	     i++) {
		free(probe->shares[i].pages);
		free(probe->shares[i].nodes);
	}
	free(probe->shares);
	probe->shares = NULL;
}

static int probe_init(struct probe *probe, const struct plan *plan,
		      unsigned int pages)
{
	probe->plan = plan;
	probe->shares = calloc(plan->nr_shares + 1, sizeof(*probe->shares));
	if (!probe->shares)
		return -1;
	for (unsigned int i = 0; i < plan->nr_shares; i++)
		if (choose_pages(plan, &plan->shares[i], &probe->shares[i],
				 pages)) {
			probe_free(probe);
			return -1;
		}
	return 0;
}

/* Pages under migration are on no node, and are not counted. */
static double local_part(const struct probed *probed, int node)
{
	size_t present = 0, local = 0;

	for (size_t i = 0; i < probed->nr; i++) {
		present += probed->nodes[i] >= 0;
		local += probed->nodes[i] == node;
	}
	return present ? (double)local / (double)present : 0;
}

static void probe_thread(const struct probe *probe, unsigned int thread,
			 struct point *point)
{
	const struct slot *slot = &probe->plan->board->slot[thread];
	struct thread_point *own = &point->threads[thread];

	own->touches = slot->touches;
	own->node = slot->node;
	own->share = slot->share;
	point->touches += own->touches;
	if (!probe->plan->nr_shares)
		return;
	own->local = local_part(&probe->shares[own->share], own->node);
	point->local += own->local / probe->plan->nr_threads;
}

/* The caller sets the time and the counters of the point. */
static int probe_placement(struct probe *probe, struct point *point)
{
	const struct plan *plan = probe->plan;

	point->threads = calloc(plan->nr_threads, sizeof(*point->threads));
	if (!point->threads)
		return -1;
	for (unsigned int i = 0; i < plan->nr_shares; i++) {
		struct probed *probed = &probe->shares[i];

		if (move_pages(plan->pids[plan->shares[i].proc], probed->nr,
			       probed->pages, NULL, probed->nodes, 0) < 0)
			return -1;
	}
	for (unsigned int i = 0; i < plan->nr_threads; i++)
		probe_thread(probe, i, point);
	if (!plan->nr_shares)
		point->local = -1;
	return 0;
}

struct run {
	struct plan *plan;
	struct auto_sample *sample;
	struct probe probe;
	struct counters begin;
	uint64_t begin_ns;
	size_t room;		/* size of sample->points */
};

/* Waits until all threads have incremented @count; -1 if a process exits. */
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
	sample->nr_points++;	/* freed even after an error */
	point->counts = run->begin;
	point->ns = now_ns() - run->begin_ns;
	run->plan->board->probes++;
	if (probe_placement(&run->probe, point) || counters_stop(&point->counts))
		return -1;
	run->plan->board->probes++;
	sample->probe_ns += thread_cpu_ns() - begin;
	return 0;
}

/* Threads that have not moved yet would still be counted as local. */
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

/* The time of the next epoch, or NEVER */
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

static int probe_until_end(struct run *run)
{
	const struct auto_opts *opts = run->plan->opts;
	struct auto_sample *sample = run->sample;
	uint64_t end = run->begin_ns + opts->run_ns, now;
	uint64_t next = run->begin_ns;

	while ((now = now_ns()) < end) {
		if (interrupted() || work_check(run->plan))
			return -1;
		if (now >= epoch_due(run)) {
			sample->epochs[sample->nr_epochs++] =
				now_ns() - run->begin_ns;
			run->plan->board->epoch++;
			if (wait_for_epoch(run->plan))
				return -1;
		}
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
 * Starts the threads and the measured time; handover runs for a period before.
 * The stock balancer scans about once a second, so its reaction time depends on
 * when threads move in that second: vary it between repeats.
 */
static int begin(struct run *run)
{
	const struct plan *plan = run->plan;
	uint64_t more = mix64(plan->opts->seed + plan->repeat) % 1000000000;
	char label[80];

	for (unsigned int i = 0; i < plan->nr_threads; i++)
		sem_post(&plan->board->go);
	if (plan->workload->settles_first) {
		sleep_until(now_ns() + plan->opts->period_ns + more);
		plan->board->epoch++;
		if (wait_for_epoch(plan))
			return -1;
	}
	run->sample->epochs[run->sample->nr_epochs++] = 0;
	if (counters_start(&run->begin))
		return -1;
	run->begin_ns = now_ns();
	/* For the QEMU plugin numa-model */
	snprintf(label, sizeof(label), "%s %s %s", plan->workload->name,
		 page_kind_names[plan->area.kind], mode_names[plan->mode]);
	numa_mark_start(label);
	return 0;
}

static int probe_all_pages(struct run *run)
{
	struct probe all;
	int ret;

	if (probe_init(&all, run->plan, 0))
		return -1;
	ret = probe_placement(&all, &run->sample->last);
	probe_free(&all);
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
	    probe_init(&run->probe, plan, plan->opts->pages) || begin(run) ||
	    probe_until_end(run))
		return -1;
	sample->wall_ns = now_ns() - run->begin_ns;
	numa_mark_stop();
	plan->board->stop = true;
	if (wait_for(plan, &plan->board->done) || probe_all_pages(run) ||
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
	probe_free(&run.probe);
	errno = err;
	return ret;
}

void auto_sample_free(struct auto_sample *sample)
{
	for (size_t i = 0; i < sample->nr_points; i++)
		free(sample->points[i].threads);
	free(sample->last.threads);
	free(sample->points);
	memset(sample, 0, sizeof(*sample));
}
