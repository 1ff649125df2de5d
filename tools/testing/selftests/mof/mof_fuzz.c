// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzzing: programs of random calls on memory that is marked, each made from a
 * seed, and a model of what memory should hold and of where it may be.
 *
 * Program i has the seed S + i. One that fails is cut short as far as it still
 * fails, and printed with the command that runs it again.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "lib/fuzz.h"
#include "lib/long.h"

#define PROGRAMS	300
#define SECONDS		60	/* unless it is told how many programs */
#define ENOUGH		100	/* programs that surely migrate something */
#define RESULTS		(NR_FUZZ_KINDS + 5)

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

/* The sums of all runners. */
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

/* Would it have been found? */
static bool finds_a_flipped_bit(const struct fuzz_options *o, struct fuzz_world *w)
{
	struct fuzz_program p = {
		.seed = o->seed, .memory = w->memory, .flip = true,
	};

	ksft_print_msg("a bit is flipped now, and to be found:\n");
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

/* What all programs share; that with a disk needs root. */
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
