// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzzing: programs of random calls on marked memory, each generated from a
 * seed, and a model of the contents and the allowed nodes of that memory.
 *
 * Program i has the seed S + i. A failing program is cut to its shortest
 * failing prefix, and printed with the command that runs it again.
 */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/fuzz.h"
#include "lib/long.h"

#define HANG	900	/* seconds; clocks of an emulated machine may run ahead */
#define AGAIN	3	/* clean runs of a prefix before it counts as good: threads race */
#define WRITTEN	8	/* pages written at the start */
#define REPORT		1000	/* programs */
#define MAX_FAILURES	3
#define PROGRAMS	300
#define SECONDS		60	/* unless the number of programs is given */
#define ENOUGH		100	/* programs that certainly migrate a page */
#define RESULTS		(NR_FUZZ_KINDS + 5)

/**
 * struct fuzz_result - the end of a program
 * @failed:	it failed in some way
 * @signal:	signal that killed it, or 0
 * @call:	index of the last call that it began
 */
struct fuzz_result {
	bool failed;
	int signal;
	long call;
};

/**
 * struct fuzz_options - the command line
 * @programs:	number of programs
 * @seed:	of the first program; each further one has the next number
 * @seconds:	begin no program after that; 0: no limit
 * @ops:	calls of each program
 * @jobs:	number of programs that run at the same time
 * @verbose:	print each program
 */
struct fuzz_options {
	long programs;
	long seed;
	long seconds;
	long ops;
	long jobs;
	long verbose;
};

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

/* Final checks, after threads and children have stopped. */
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

/* Run a program, and restore the sysctls that it has written. */
static struct fuzz_result fuzz_run(const struct fuzz_program *p, struct fuzz_world *w)
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
 * fuzz_shortest() - find the shortest failing prefix of a program
 * @p: a program that has failed
 * @w: where to run it
 *
 * Each run ends with a check of all memory, so any longer prefix fails as well,
 * unless the failure depends on a race between threads.
 *
 * Return: the length of the shortest prefix that was seen to fail, or -1 if
 * even the whole program did not fail again.
 */
static long fuzz_shortest(const struct fuzz_program *p, struct fuzz_world *w)
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

static long quietly_shortest(const struct fuzz_program *p, struct fuzz_world *w)
{
	long ops;

	w->quiet = true;
	ops = fuzz_shortest(p, w);
	w->quiet = false;
	return ops;
}

/* Print the shortest program that reproduces the failure. */
static void explain(struct fuzz_program *p, struct fuzz_world *w,
		    struct fuzz_result result)
{
	bool hangs = result.signal == SIGALRM;
	long ops = hangs ? p->ops : quietly_shortest(p, w);	/* bisection would take hours */

	pthread_mutex_lock(&w->all->printing);
	if (result.signal)
		ksft_print_msg("program %llu, call %ld: %s by signal %d\n", p->seed,
			       result.call, hangs ? "hangs, killed" : "died",
			       result.signal);
	if (ops < 0)
		ksft_print_msg("program %llu did not fail again: threads race\n", p->seed);
	else
		p->ops = ops;
	ksft_print_msg("the first %ld calls fail; to reproduce:\n", p->ops);
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
 * fuzz_run_all() - run all programs, until several have failed
 * @o: options
 * @w: environment
 *
 * Return: 0, or the number of runners that could not be started, or died.
 */
static int fuzz_run_all(const struct fuzz_options *o, struct fuzz_world *w)
{
	pid_t pid[FUZZ_RUNNERS];
	int i, status, bad = 0;

	for (i = 0; i < o->jobs; i++)
		pid[i] = runner_start(o, w, i);
	for (i = 0; i < o->jobs; i++)
		bad += pid[i] < 0 || waitpid(pid[i], &status, 0) != pid[i] || status;
	return bad;
}

static long min_long(long a, long b)
{
	return a < b ? a : b;
}

static void parse(struct fuzz_options *o, int argc, char **argv)
{
	const struct setting settings[] = {
		{ "programs", "how many (300, but for no more than 60 s)",
		  &o->programs, 1, LONG_MAX },
		{ "seed", "of the first; each further one has the next number",
		  &o->seed, 0, LONG_MAX },
		{ "seconds", "begin no program after that; 0: no limit",
		  &o->seconds, 0, LONG_MAX },
		{ "ops", "calls of each program (50)", &o->ops, 0, LONG_MAX },
		{ "jobs", "programs at the same time (as there are CPUs)",
		  &o->jobs, 1, FUZZ_RUNNERS },
		{ "verbose", "print each program", &o->verbose, 0, 0 },
		{ }
	};

	settings_parse(settings, argc, argv);
	if (o->seconds < 0)
		o->seconds = o->programs ? 0 : SECONDS;
	o->programs = o->programs ? : PROGRAMS;
	o->jobs = min_long(o->jobs, o->programs);
}

/* Sum up the counters of all runners. */
static struct fuzz_runner total(const struct fuzz_shared *all)
{
	const struct fuzz_runner *r;
	struct fuzz_runner sum = { };
	int kind;

	for (r = all->runner; r < all->runner + FUZZ_RUNNERS; r++) {
		sum.settled += r->settled;
		sum.checked += r->checked;
		for (kind = 0; kind < NR_FUZZ_KINDS; kind++) {
			sum.run[kind] += r->run[kind];
			sum.failed[kind] += r->failed[kind];
		}
	}
	return sum;
}

static long programs_run(const struct fuzz_runner *sum)
{
	long programs = 0;
	int kind;

	for (kind = 0; kind < NR_FUZZ_KINDS; kind++)
		programs += sum->run[kind];
	return programs;
}

/* Test the checks themselves. */
static bool finds_a_flipped_bit(const struct fuzz_options *o, struct fuzz_world *w)
{
	struct fuzz_program p = {
		.seed = o->seed, .memory = w->memory, .flip = true,
	};

	ksft_print_msg("a bit has been flipped, and must be found:\n");
	return fuzz_run(&p, w).failed;
}

static void judge_kinds(const struct fuzz_runner *sum)
{
	int kind;

	for (kind = 0; kind < NR_FUZZ_KINDS; kind++)
		if (sum->run[kind])
			ksft_test_result(!sum->failed[kind],
					 "programs_on_%s_memory_run_clean\n",
					 fuzz_kind_name(kind));
		else
			ksft_test_result_skip("programs_on_%s_memory: none was run\n",
					      fuzz_kind_name(kind));
}

static void judge(const struct fuzz_runner *sum, const struct stats *before)
{
	struct stats d, now;

	judge_kinds(sum);
	stats_since(before, &d);
	ksft_print_msg("pages: %ld marked, %ld migrated (%ld THPs), %ld local, %ld failed\n",
		       d.v[MOF_MARKED], d.v[MOF_MIGRATED], d.v[MOF_MIGRATED_THP],
		       d.v[MOF_LOCAL], stats_failed(&d));
	if (programs_run(sum) < ENOUGH)
		ksft_test_result_skip("marked_pages_have_migrated: few programs\n");
	else
		ksft_test_result(d.v[MOF_MIGRATED] > 0 && sum->settled > 0,
				 "marked_pages_have_migrated\n");
	ksft_test_result(!stats_unreconciled(&d), "counters_reconcile\n");
	ksft_test_result(!stats_isolated(&now), "nothing_stays_isolated\n");
}

/* Set up what all programs share; the disk needs root. */
static const char *world_new(struct fuzz_world *w, const struct stage *s,
			     const struct disk *disk)
{
	pthread_mutexattr_t attr;
	char path[96];

	w->all = mmap(NULL, sizeof(*w->all), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (w->all == MAP_FAILED)
		return "no memory";
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&w->all->printing, &attr);
	w->me = &w->all->runner[0];
	w->m = s->m;
	w->memory = memory_nodes();
	w->root = !geteuid();
	w->window = s->window;
	snprintf(path, sizeof(path), "%s/file", disk->dir);
	w->file = disk->dir[0] ? open(path, O_RDWR | O_CREAT, 0600) :
			       memfd_create("mof-fuzz-file", 0);
	return fuzz_file_fill(w->file) ? "cannot write a file" : NULL;
}

static void run_all(const struct fuzz_options *o, struct fuzz_world *w)
{
	time_t begin = time(NULL);
	struct fuzz_runner sum;
	struct stats before;
	int bad;

	ksft_print_msg("seeds %ld to %ld, %ld calls each, %ld at a time\n", o->seed,
		       o->seed + o->programs - 1, o->ops, o->jobs);
	stats_read(&before);
	bad = fuzz_run_all(o, w);
	sum = total(w->all);
	ksft_print_msg("%ld programs in %ld s, %ld pages compared, %ld also where they are\n",
		       programs_run(&sum), (long)(time(NULL) - begin), sum.checked,
		       sum.settled);
	judge(&sum, &before);
	ksft_test_result(!bad && (o->seconds || programs_run(&sum) == o->programs),
			 "all_programs_were_run\n");
	ksft_test_result(finds_a_flipped_bit(o, w), "a_flipped_bit_is_found\n");
}

int main(int argc, char **argv)
{
	struct fuzz_options o = {
		.ops = 50, .seconds = -1, .seed = time(NULL) << 20,
		.jobs = min_long(sysconf(_SC_NPROCESSORS_ONLN), FUZZ_RUNNERS),
	};
	struct fuzz_world w = { };
	struct stage stage;
	struct disk disk;
	const char *why;

	parse(&o, argc, argv);
	stage_begin(&stage, RESULTS);
	why = disk_mount(&disk);
	if (why)
		ksft_print_msg("no disk: %s\n", why);
	why = world_new(&w, &stage, &disk);
	if (why)
		ksft_exit_fail_msg("%s\n", why);
	run_all(&o, &w);
	close(w.file);
	stage_close(&stage);
	disk_umount(&disk);
	ksft_finished();
}
