// SPDX-License-Identifier: GPL-2.0
/*
 * The workload "churn": servers start one short-lived process after the other,
 * as a build does. A process is forked, not executed: to the balancer its
 * memory is as new.
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auto.h"

#define JOB_SHARE	64	/* part of --size that each process has */
#define MIN_SWEEPS	16	/* over its memory; the longest has 64 times as many */
#define LENGTHS		7

static unsigned int job_sweeps(const struct worker *worker, uint64_t job)
{
	uint64_t seed = mix64(worker->plan->opts->seed + worker->thread);

	return MIN_SWEEPS << (mix64(seed + job) % LENGTHS);
}

/* The process; 0 if all that it touched is in its memory */
static int job_run(struct worker *worker, unsigned int sweeps)
{
	const struct share all = {
		.step = 1, .nr = worker->plan->area.nr_pages,
	};
	uint64_t before = worker->touches;

	worker->pos = 0;
	for (unsigned int i = 0; i < sweeps && !worker->plan->board->stop; i++) {
		touch_pages(worker, &all, all.nr);
		worker_pause(worker);
	}
	return worker->touches - before != worker_count(worker);
}

/* What a process has touched is counted in memory that it shares with us. */
static void serve(struct worker *worker)
{
	for (uint64_t job = 0; !worker->plan->board->stop; job++) {
		pid_t pid = fork();
		int status = 0;

		if (!pid)
			_exit(job_run(worker, job_sweeps(worker, job)));
		if (pid < 0)
			break;
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		worker->slot->lost_touches += status != 0;
		worker->touches = worker->slot->touches;
		worker->slot->jobs++;
	}
}

static unsigned int no_shares(const struct plan *plan)
{
	(void)plan;
	return 0;
}

static size_t job_bytes(const struct auto_opts *opts)
{
	return opts->bytes / JOB_SHARE;
}

const struct auto_workload churn = {
	.name = "churn",
	.does =
		"processes on all CPUs fork one short-lived process after the other, each with 1/64 of --size",
	.expect =
		"the same work as with the balancer off: they end before it pays to look at them",
	.threads = THREADS_ALL_CPUS, .unpinned = true, .no_owner = true,
	.shares = no_shares, .bytes = job_bytes, .work = serve,
};
