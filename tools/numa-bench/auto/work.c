// SPDX-License-Identifier: GPL-2.0
/* The processes and threads of a run, which fill and touch their memory. */
#include <errno.h>
#include <numa.h>
#include <numaif.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "auto.h"

#define LINE_BYTES	64
#define LINES		64
#define SLICE_NS	10000000ULL	/* working and sleeping */
#define YIELD_EVERY	64		/* touches; a power of two */

/* Each thread has its own word in each page, so that touches do not race. */
static uint64_t *word_of(const struct worker *worker, size_t page)
{
	const struct area *area = &worker->plan->area;
	size_t offset = worker->thread % LINES * LINE_BYTES +
			worker->thread / LINES * sizeof(uint64_t);

	return (uint64_t *)(area->base + page * area->page_bytes + offset);
}

/* A dependency chain whose time does not depend on @value; 8 steps per round */
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
 * Ends the turn of this CPU in a QEMU that counts instructions: there, one thread
 * runs all CPUs in turns. Before QEMU 8.1, a turn lasts until the next timer of
 * any CPU, which may starve other CPUs for seconds.
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

/* All touches of this thread that are found in memory */
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

	if (busy == 100 ||
	    now_ns() - worker->slice_ns < SLICE_NS / 100 * busy)
		return;
	sleep_until(worker->slice_ns + SLICE_NS);
	worker->slice_ns = now_ns();
}

static void fill_share(const struct worker *worker, const struct share *share)
{
	for (size_t i = 0; i < share->nr; i++)
		*word_of(worker, share->first + i * share->step) = 0;
}

/* Each thread fills its share, or the main thread all memory of the process. */
static void fill_pages(const struct worker *worker)
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

#define CHUNK		64		/* touches between reads of the board */

static struct plan *running;

static uint64_t timeval_ns(struct timeval tv)
{
	return (uint64_t)tv.tv_sec * 1000000000 + (uint64_t)tv.tv_usec * 1000;
}

static void add_usage(struct slot *slot, int who, bool begin)
{
	uint64_t sign = begin ? (uint64_t)-1 : 1;
	struct rusage usage;

	getrusage(who, &usage);
	slot->user_ns += sign * timeval_ns(usage.ru_utime);
	slot->sys_ns += sign * timeval_ns(usage.ru_stime);
	slot->minor_faults += sign * (uint64_t)usage.ru_minflt;
}

/* Of the thread, and of children that it has waited for */
static void count_usage(struct slot *slot, bool begin)
{
	add_usage(slot, RUSAGE_THREAD, begin);
	add_usage(slot, RUSAGE_CHILDREN, begin);
}

static void note_node(struct worker *worker)
{
	unsigned int node;

	if (!getcpu(NULL, &node))
		worker->slot->node = (int)node;
}

static void enter_epoch(struct worker *worker, unsigned int epoch)
{
	const struct plan *plan = worker->plan;
	int cpu = plan_cpu_of(plan, worker->thread, epoch);

	worker->epoch = epoch;
	if (cpu >= 0)
		topo_bind_cpu(cpu);
	note_node(worker);
	if (plan->nr_shares) {
		worker->slot->share = plan_share_of(plan, worker->thread, epoch);
		worker->share = &plan->shares[worker->slot->share];
		/* Threads with the same share start at different pages. */
		worker->pos = worker->share->nr * worker->thread / plan->nr_threads;
	}
	worker->slot->epoch = epoch;
}

static void touch_until_stop(struct worker *worker)
{
	const struct board *board = worker->plan->board;
	struct slot *slot = worker->slot;

	while (!board->stop) {
		unsigned int epoch = board->epoch;

		if (epoch != worker->epoch) {
			/* The measured time of handover starts here. */
			if (worker->plan->workload->settles_first) {
				slot->user_ns = 0;
				slot->sys_ns = 0;
				slot->minor_faults = 0;
				count_usage(slot, true);
			}
			enter_epoch(worker, epoch);
		}
		touch_pages(worker, worker->share, CHUNK);
		if (worker->plan->workload->unpinned)
			note_node(worker);
		worker_pause(worker);
	}
}

static void wait_for(sem_t *sem)
{
	while (sem_wait(sem) && errno == EINTR)
		;
}

static void *worker_run(void *arg)
{
	struct worker *worker = arg;
	const struct plan *plan = worker->plan;
	struct board *board = plan->board;

	enter_epoch(worker, 0);
	fill_pages(worker);
	board->ready++;
	wait_for(&board->go);
	worker->slice_ns = now_ns();
	count_usage(worker->slot, true);
	if (plan->workload->work)
		plan->workload->work(worker);
	else
		touch_until_stop(worker);
	count_usage(worker->slot, false);
	board->done++;
	wait_for(&board->leave);
	if (!plan->workload->work)
		worker->slot->lost_touches = worker->touches -
					     worker_count(worker);
	return NULL;
}

/* Signals are handled by the parent, which sets board->stop. */
static int set_up(const struct plan *plan)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (set_mempolicy(MPOL_DEFAULT, NULL, 0))
		return -1;
	return plan->workload->confine ? plan->workload->confine(plan) : 0;
}

static int process_main(const struct plan *plan, unsigned int proc)
{
	unsigned int nr = plan->nr_threads / plan->nr_procs;
	pthread_t threads[AUTO_MAX_THREADS];
	struct worker *workers;

	if (set_up(plan))
		return 1;
	workers = calloc(nr, sizeof(*workers));
	if (!workers)
		return 1;
	for (unsigned int i = 0; i < nr; i++) {
		workers[i].plan = plan;
		workers[i].thread = proc * nr + i;
		workers[i].slot = &plan->board->slot[workers[i].thread];
	}
	for (unsigned int i = 1; i < nr; i++)
		if (pthread_create(&threads[i], NULL, worker_run, &workers[i]))
			return 1;	/* ends the process and the run */
	worker_run(&workers[0]);
	for (unsigned int i = 1; i < nr; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

/* Async-signal-safe: also called by a signal handler */
void work_kill(void)
{
	for (unsigned int i = 0; running && i < running->nr_procs; i++)
		if (running->pids[i] > 0)
			kill(running->pids[i], SIGKILL);
	while (running && (waitpid(-1, NULL, 0) > 0 || errno == EINTR))
		;
}

static int start_all(struct plan *plan)
{
	for (unsigned int i = 0; i < plan->nr_procs; i++) {
		/* Memory written before threads are pinned depends on it. */
		int cpu = plan_cpu_of(plan, i * plan->nr_threads / plan->nr_procs, 0);

		if (cpu >= 0)
			topo_bind_cpu(cpu);
		plan->pids[i] = fork();
		if (!plan->pids[i]) {
			running = NULL;
			_exit(process_main(plan, i));
		}
		if (plan->pids[i] < 0)
			return -1;
	}
	return 0;
}

int work_start(struct plan *plan)
{
	cpu_set_t cpus;
	int ret, err;

	fflush(NULL);
	running = plan;
	if (sched_getaffinity(0, sizeof(cpus), &cpus))
		return -1;
	ret = start_all(plan);
	err = errno;
	sched_setaffinity(0, sizeof(cpus), &cpus);
	errno = err;
	return ret;
}

/* Returns -1 if a process has exited. */
int work_check(const struct plan *plan)
{
	for (unsigned int i = 0; i < plan->nr_procs; i++)
		if (waitpid(plan->pids[i], NULL, WNOHANG) == plan->pids[i]) {
			plan->pids[i] = 0;
			errno = ECHILD;
			return -1;
		}
	return 0;
}

/* Lets all threads exit, and reaps the processes. */
int work_join(struct plan *plan)
{
	int status, ret = 0;

	for (unsigned int i = 0; i < plan->nr_threads; i++)
		sem_post(&plan->board->leave);
	for (unsigned int i = 0; i < plan->nr_procs; i++) {
		if (waitpid(plan->pids[i], &status, 0) != plan->pids[i] || status)
			ret = -1;
		plan->pids[i] = 0;
	}
	running = NULL;
	return ret;
}
