// SPDX-License-Identifier: GPL-2.0
/*
 * The fuzzer: runs a program in a process of its own, which may crash or hang.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"

#define HANG	900	/* seconds of emulated clocks, which may run ahead */
#define AGAIN	3	/* how often a prefix has to run clean: threads race */

#define WRITTEN	8	/* pages that are there at first */

static int make_areas(struct fuzz_run *r)
{
	int i, err = 0;

	for (i = 0; i < FUZZ_AREAS && !err; i++)
		err = fuzz_area_new(r, i);
	for (i = 0; i < FUZZ_AREAS && !err; i++)
		err = fuzz_area_cut(&r->area[i]);
	return err;
}

static void prepare(struct fuzz_run *r)
{
	struct fuzz_call c = { .mode = MPOL_BIND };
	long page;

	if (pipe(r->probe) || fuzz_crew_start(r) || make_areas(r)) {
		fuzz_fail(r, "no pipe, no threads, or no memory");
		return;
	}
	for (; c.area < FUZZ_AREAS; c.area++) {
		c.nodes = fuzz_area_bound(r->p, c.area);
		c.pages = fuzz_area_pages(r->p, c.area) / 4 * 3;
		if (c.nodes)
			fuzz_bind_first(r, &c);
		for (page = 0; page < WRITTEN; page++)
			fuzz_write_page(r, &r->area[c.area], page);
	}
}

/* Everything once more, when nobody else is there. */
static void finish(struct fuzz_run *r)
{
	struct fuzz_area *a;

	r->w->me->call = r->p->ops;
	fuzz_halt(r);
	fuzz_join(r);
	if (r->p->flip)
		fuzz_flip(r);
	for (a = r->area; a < r->area + FUZZ_AREAS && !r->failed; a++) {
		fuzz_check_area(r, a);
		fuzz_check_places(r, a, 0, a->a.pages);
	}
}

static void run(const struct fuzz_program *p, struct fuzz_world *w)
{
	struct fuzz_run r = { .p = p, .w = w };
	struct fuzz_call c;
	long i;

	alarm(HANG);
	run_on(p->seed % 2 ? w->m.to : w->m.from);
	prepare(&r);
	for (i = 0; i < p->ops && !r.failed; i++) {
		w->me->call = i;
		fuzz_call_make(p, i, &c);
		fuzz_call(&r, &c);
	}
	if (!r.failed)
		finish(&r);
	_exit(r.failed);
}

/* Run a program. What it has set is set back. */
struct fuzz_result fuzz_run(const struct fuzz_program *p, struct fuzz_world *w)
{
	struct fuzz_result result = { .failed = true };
	int status;
	pid_t pid;

	w->me->call = -1;
	fflush(stdout);
	pid = fork();
	if (!pid)
		run(p, w);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return result;
	fuzz_sysctls_back(w);
	result.failed = status;
	result.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	result.call = w->me->call;
	return result;
}

static bool prefix_fails(const struct fuzz_program *p, struct fuzz_world *w, long ops)
{
	struct fuzz_program prefix = *p;
	int i;

	prefix.ops = ops;
	for (i = 0; i < AGAIN; i++)
		if (fuzz_run(&prefix, w).failed)
			return true;
	return false;
}

/**
 * fuzz_shortest() - how many calls are enough to fail
 * @p: a program that has failed
 * @w: where to run it
 *
 * Each prefix ends with a look at all memory; so one that is longer fails, too,
 * as long as threads do not race.
 *
 * Return: the length of the shortest prefix that was seen to fail, or -1 if
 * not even the whole program did so again.
 */
long fuzz_shortest(const struct fuzz_program *p, struct fuzz_world *w)
{
	long clean = -1, failing = p->ops, middle;

	if (!prefix_fails(p, w, failing))
		return -1;
	while (failing - clean > 1) {
		middle = (clean + failing) / 2;
		if (prefix_fails(p, w, middle))
			failing = middle;
		else
			clean = middle;
	}
	return failing;
}
