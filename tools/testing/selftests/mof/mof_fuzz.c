// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzzing: programs of random calls on memory that is marked, each made from a
 * seed, and a model of what memory should hold and of where it may be.
 *
 * mof_fuzz [--programs N] [--seed S] [--seconds N] [--ops N] [--verbose]
 *
 * Program i has the seed S + i. One that fails is cut short as far as it still
 * fails, and printed with the command that runs it again.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest.h"
#include "mof_fuzz.h"

#define WINDOW		"/proc/sys/vm/mof_window_pages"
#define MTHP		"/sys/kernel/mm/transparent_hugepage/hugepages-64kB/enabled"
#define SHMEM_THP	"/sys/kernel/mm/transparent_hugepage/shmem_enabled"
#define REPORT		500	/* programs */
#define ENOUGH		100	/* programs that surely migrate something */
#define MAX_FAILURES	3

struct options {
	long programs;
	__u64 seed;
	long seconds;
	long ops;
	bool verbose;
};

/**
 * struct tally - what has been run
 * @run:	programs of each kind
 * @failed:	those that failed
 * @failures:	of all kinds
 * @programs:	of all kinds
 */
struct tally {
	long run[NR_FUZZ_KINDS];
	long failed[NR_FUZZ_KINDS];
	long failures;
	long programs;
};

static void usage(int status)
{
	printf("mof_fuzz [--programs N] [--seed S] [--seconds N] [--ops N] [--verbose]\n"
	       "  --programs  how many (300, but for no more than 60 s)\n"
	       "  --seed      of the first; each further one has the next number\n"
	       "  --seconds   begin no program after that; 0: no limit\n"
	       "  --ops       calls of each program (50)\n"
	       "  --verbose   print each program\n");
	exit(status);
}

static void parse(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "programs", required_argument, NULL, 'p' },
		{ "seed", required_argument, NULL, 's' },
		{ "seconds", required_argument, NULL, 't' },
		{ "ops", required_argument, NULL, 'o' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	long limit = -1;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'p')
			o->programs = strtol(optarg, NULL, 0);
		else if (c == 's')
			o->seed = strtoull(optarg, NULL, 0);
		else if (c == 't')
			limit = strtol(optarg, NULL, 0);
		else if (c == 'o')
			o->ops = strtol(optarg, NULL, 0);
		else if (c == 'v')
			o->verbose = true;
		else
			usage(c == 'h' ? 0 : KSFT_FAIL);
	}
	o->seconds = limit >= 0 ? limit : o->programs ? 0 : 60;
	o->programs = o->programs ? : 300;
	if (o->programs < 1 || o->ops < 0 || optind < argc)
		usage(KSFT_FAIL);
}

/* Say what is needed to find the bug: the shortest program that shows it. */
static void explain(struct fuzz_program *p, struct fuzz_world *w,
		    struct fuzz_result result)
{
	long ops;

	if (result.signal)
		ksft_print_msg("program %llu, call %ld: %s by signal %d\n", p->seed,
			       result.call, result.signal == SIGALRM ? "hangs, killed" :
			       "died", result.signal);
	w->quiet = true;
	ops = fuzz_shortest(p, w);
	w->quiet = false;
	if (ops < 0)
		ksft_print_msg("it did not fail again: threads race\n");
	else
		p->ops = ops;
	ksft_print_msg("the first %ld calls fail; again:\n", p->ops);
	ksft_print_msg("mof_fuzz --seed %llu --programs 1 --ops %ld\n", p->seed, p->ops);
	fuzz_print(p);
}

static void run_program(struct fuzz_program *p, struct fuzz_world *w, struct tally *t)
{
	enum fuzz_kind kind = fuzz_program_kind(p->seed);
	struct fuzz_result result = fuzz_run(p, w);

	t->run[kind]++;
	t->programs++;
	if (!result.failed)
		return;
	t->failed[kind]++;
	t->failures++;
	explain(p, w, result);
}

static void run_programs(const struct options *o, struct fuzz_world *w, struct tally *t)
{
	time_t begin = time(NULL);
	struct fuzz_program p;
	long i;

	for (i = 0; i < o->programs && t->failures < MAX_FAILURES; i++) {
		if (o->seconds && time(NULL) >= begin + o->seconds)
			break;
		p = (struct fuzz_program) {
			.seed = o->seed + i, .ops = o->ops, .memory = memory_nodes(),
		};
		if (i && i % REPORT == 0)
			ksft_print_msg("%ld s: seed %llu is next\n",
				       (long)(time(NULL) - begin), p.seed);
		if (o->verbose)
			fuzz_print(&p);
		run_program(&p, w, t);
	}
	ksft_print_msg("%ld programs in %ld s, %ld pages compared, %ld also where they are\n",
		       t->programs, (long)(time(NULL) - begin), *w->checked, *w->settled);
}

/* Would it have been found? */
static bool finds_a_flipped_bit(const struct options *o, struct fuzz_world *w)
{
	struct fuzz_program p = {
		.seed = o->seed, .memory = memory_nodes(), .flip = true,
	};

	ksft_print_msg("a bit is flipped now, and to be found:\n");
	return fuzz_run(&p, w).failed;
}

static void judge(const struct tally *t, const struct fuzz_world *w,
		  const struct stats *before)
{
	struct stats d, now;
	int kind;

	for (kind = 0; kind < NR_FUZZ_KINDS; kind++)
		if (t->run[kind])
			ksft_test_result(!t->failed[kind], "programs_on_%s_memory_run_clean\n",
					 fuzz_kind_name(kind));
		else
			ksft_test_result_skip("programs_on_%s_memory: none was run\n",
					      fuzz_kind_name(kind));
	stats_since(before, &d);
	ksft_print_msg("pages: %ld marked, %ld migrated (%ld THPs), %ld local, %ld failed\n",
		       d.v[MOF_MARKED], d.v[MOF_MIGRATED], d.v[MOF_MIGRATED_THP],
		       d.v[MOF_LOCAL], stats_failed(&d));
	if (t->programs < ENOUGH)
		ksft_test_result_skip("marked_pages_have_migrated: few programs\n");
	else
		ksft_test_result(d.v[MOF_MIGRATED] > 0 && *w->settled > 0,
				 "marked_pages_have_migrated\n");
	ksft_test_result(!stats_unreconciled(&d), "counters_reconcile\n");
	ksft_test_result(!stats_isolated(&now), "nothing_stays_isolated\n");
}

/* What all programs share; that with a disk needs root. */
static const char *world_new(struct fuzz_world *w, const struct disk *disk)
{
	char path[96];
	long *shared;

	shared = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return "no memory";
	w->call = &shared[0];
	w->settled = &shared[1];
	w->checked = &shared[2];
	w->root = !geteuid();
	w->window = read_long(WINDOW);
	snprintf(path, sizeof(path), "%s/file", disk->dir);
	w->file = disk->dir[0] ? open(path, O_RDWR | O_CREAT, 0600) :
			       memfd_create("mof-fuzz-file", 0);
	return fuzz_file_fill(w->file) ? "cannot write a file" : NULL;
}

static void run_all(const struct options *o, struct fuzz_world *w)
{
	struct stats before;
	struct tally t = { };

	ksft_print_msg("seeds %llu to %llu, %ld calls each\n", o->seed,
		       o->seed + o->programs - 1, o->ops);
	stats_read(&before);
	run_programs(o, w, &t);
	judge(&t, w, &before);
	ksft_test_result(finds_a_flipped_bit(o, w), "a_flipped_bit_is_found\n");
}

int main(int argc, char **argv)
{
	struct options o = { .ops = 50, .seed = (__u64)time(NULL) << 20 };
	struct fuzz_world w = { };
	struct disk disk;
	struct swap swap;
	const char *why;

	parse(&o, argc, argv);
	ksft_print_header();
	why = machine_setup(&w.m);
	if (!why && !have_lazy())
		why = "kernel without MPOL_MF_LAZY";
	if (why)
		ksft_exit_skip("%s\n", why);
	ksft_set_plan(NR_FUZZ_KINDS + 4);
	why = disk_mount(&disk);
	if (why)
		ksft_print_msg("no disk: %s\n", why);
	why = swap_enable(&swap);
	if (why)
		ksft_print_msg("no swap: %s\n", why);
	thp_missing();		/* enables them, if there are any */
	write_text(MTHP, "madvise");
	write_text(SHMEM_THP, "advise");

	why = world_new(&w, &disk);
	if (why)
		ksft_exit_fail_msg("%s\n", why);
	run_all(&o, &w);

	write_text(SHMEM_THP, "never");
	write_text(MTHP, "never");
	if (w.window >= 0)
		write_long(WINDOW, w.window);
	close(w.file);
	swap_disable(&swap);
	disk_umount(&disk);
	machine_restore(&w.m);
	ksft_finished();
}
