// SPDX-License-Identifier: GPL-2.0
/*
 * The fuzzer: processes that run programs, several at the same time: much of a
 * program is waiting.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define REPORT		1000	/* programs */
#define MAX_FAILURES	3

static long shortest(const struct fuzz_program *p, struct fuzz_world *w)
{
	long ops;

	w->quiet = true;
	ops = fuzz_shortest(p, w);
	w->quiet = false;
	return ops;
}

/* Say what is needed to find the bug: the shortest program that shows it. */
static void explain(struct fuzz_program *p, struct fuzz_world *w,
		    struct fuzz_result result)
{
	bool hangs = result.signal == SIGALRM;
	long ops = hangs ? p->ops : shortest(p, w);	/* that would take hours */

	pthread_mutex_lock(&w->all->printing);
	if (result.signal)
		ksft_print_msg("program %llu, call %ld: %s by signal %d\n", p->seed,
			       result.call, hangs ? "hangs, killed" : "died",
			       result.signal);
	if (ops < 0)
		ksft_print_msg("program %llu did not fail again: threads race\n", p->seed);
	else
		p->ops = ops;
	ksft_print_msg("the first %ld calls fail; again:\n", p->ops);
	ksft_print_msg("mof_fuzz --seed %llu --programs 1 --ops %ld\n", p->seed, p->ops);
	fuzz_print(p);
	pthread_mutex_unlock(&w->all->printing);
}

static void run_program(struct fuzz_program *p, struct fuzz_world *w)
{
	enum fuzz_kind kind = fuzz_program_kind(p->seed);
	struct fuzz_result result = fuzz_run(p, w);

	w->me->run[kind]++;
	if (!result.failed)
		return;
	w->me->failed[kind]++;
	__atomic_fetch_add(&w->all->failures, 1, __ATOMIC_SEQ_CST);
	explain(p, w, result);
}

static void announce(const struct fuzz_program *p, struct fuzz_world *w, bool verbose)
{
	pthread_mutex_lock(&w->all->printing);
	if (verbose)
		fuzz_print(p);
	else
		ksft_print_msg("seed %llu is next\n", p->seed);
	fflush(stdout);
	pthread_mutex_unlock(&w->all->printing);
}

static bool may_go_on(const struct fuzz_options *o, const struct fuzz_world *w, time_t begin)
{
	if (__atomic_load_n(&w->all->failures, __ATOMIC_SEQ_CST) >= MAX_FAILURES)
		return false;
	return !o->seconds || time(NULL) < begin + o->seconds;
}

static void run_programs(const struct fuzz_options *o, struct fuzz_world *w)
{
	time_t begin = time(NULL);
	struct fuzz_program p;
	long i;

	while (may_go_on(o, w, begin)) {
		i = __atomic_fetch_add(&w->all->next, 1, __ATOMIC_SEQ_CST);
		if (i >= o->programs)
			break;
		p = (struct fuzz_program) {
			.seed = o->seed + i, .ops = o->ops, .memory = w->memory,
		};
		if (o->verbose || (i && i % REPORT == 0))
			announce(&p, w, o->verbose);
		run_program(&p, w);
	}
}

static pid_t runner_start(const struct fuzz_options *o, struct fuzz_world *w, int nr)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	w->me = &w->all->runner[nr];
	run_programs(o, w);
	fflush(stdout);
	_exit(0);
}

/**
 * fuzz_run_all() - run all programs, until some have failed
 * @o: which
 * @w: where
 *
 * Return: 0, or how many runners could not be started, or died.
 */
int fuzz_run_all(const struct fuzz_options *o, struct fuzz_world *w)
{
	pid_t pid[FUZZ_RUNNERS];
	int i, status, bad = 0;

	for (i = 0; i < o->jobs; i++)
		pid[i] = runner_start(o, w, i);
	for (i = 0; i < o->jobs; i++)
		bad += pid[i] < 0 || waitpid(pid[i], &status, 0) != pid[i] || status;
	return bad;
}
