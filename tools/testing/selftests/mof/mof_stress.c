// SPDX-License-Identifier: GPL-2.0
/*
 * Stress: threads on all nodes mark, touch, drop, swap, split, move and fork
 * the same memory, and compare it with a model of its contents.
 *
 * With --flip the test corrupts memory itself after half of the time, and must
 * fail.
 */
#include <errno.h>
#include <limits.h>
#include <numa.h>
#include <numaif.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest.h"
#include "lib/long.h"
#include "lib/model.h"

#define CHUNK_PAGES	512L
#define REPORT		60	/* seconds */
#define MAX_CHUNKS	(NR_CHUNK_KINDS * (MAX_THREADS + 2))
#define MAX_NODES	16

/**
 * struct stress - shared state
 * @threads:	number of threads
 * @nodes:	number of nodes that have CPUs
 * @cpus:	the CPUs of each of these nodes
 * @memory:	mask of the nodes that have memory
 * @chunks:	number of chunks
 * @chunk:	the chunks
 * @stop:	tells threads to exit
 */
struct stress {
	int threads;
	int nodes;
	cpu_set_t cpus[MAX_NODES];
	unsigned long memory;
	int chunks;
	struct chunk chunk[MAX_CHUNKS];
	int stop;
};

/**
 * struct worker - one thread
 * @thread:	handle
 * @s:		shared state
 * @id:		index, from 0
 * @random:	state of its random numbers
 * @done:	number of operations done
 * @verified:	number of bytes compared with the model
 */
struct worker {
	pthread_t thread;
	struct stress *s;
	int id;
	__u64 random;
	long done;
	long verified;
};

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

#define COMPACT		"/proc/sys/vm/compact_memory"

/**
 * struct target - a chunk and a random range of its pages
 * @c:		the chunk; held for reading
 * @first:	first page
 * @pages:	number of pages
 * @a:		the pages
 */
struct target {
	struct chunk *c;
	long first;
	long pages;
	struct area a;
};

static __u64 number(struct worker *w)
{
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return w->random * 0x2545f4914f6cdd1dULL >> 16;
}

static long below(struct worker *w, long limit)
{
	return number(w) % limit;
}

static bool mine(const struct worker *w, const struct target *t)
{
	return t->c->owner == w->id;
}

/* Mostly short ranges; a touch costs as much as marking many pages. */
static void choose(struct worker *w, struct target *t)
{
	long longest = below(w, 8) ? 16 : t->c->a.pages;

	t->first = below(w, t->c->a.pages);
	t->pages = 1 + below(w, longest);
	if (t->pages > t->c->a.pages - t->first)
		t->pages = t->c->a.pages - t->first;
	t->a = area_part(&t->c->a, t->first, t->pages);
}

/* Any policy, for a random set of nodes with memory. */
static int policy(struct worker *w, unsigned long *nodes)
{
	static const int modes[] = {
		MPOL_LOCAL, MPOL_DEFAULT, MPOL_PREFERRED, MPOL_BIND,
		MPOL_INTERLEAVE, MPOL_PREFERRED_MANY,
	};
	int mode = modes[below(w, ARRAY_SIZE(modes))];

	*nodes = 0;
	if (mode == MPOL_LOCAL || mode == MPOL_DEFAULT)
		return mode;
	do {
		*nodes = number(w) & w->s->memory;
	} while (!*nodes);
	if (mode == MPOL_PREFERRED)
		*nodes &= -*nodes;
	return mode;
}

/* Policies for a part split the VMA and mappings of THPs: rarely use them. */
static const struct area *range(struct worker *w, const struct target *t)
{
	return t->c->kind == CHUNK_HUGE && below(w, 8) ? &t->c->a : &t->a;
}

static void op_mark(struct worker *w, struct target *t)
{
	unsigned long nodes = 0;
	int mode = below(w, 2) ? policy(w, &nodes) : MPOL_LOCAL;

	area_mbind(range(w, t), mode, nodes,
		   below(w, 3) ? MOF_LAZY_MOVE : MOF_LAZY_MOVE_ALL);
}

static void op_mark_all(struct worker *w, struct target *t)
{
	area_mbind(&t->c->a, MPOL_LOCAL, 0, MOF_LAZY_MOVE);
}

static void op_policy(struct worker *w, struct target *t)
{
	unsigned long nodes;
	int mode = policy(w, &nodes);

	area_mbind(range(w, t), mode, nodes, below(w, 2) ? 0 : MPOL_MF_MOVE);
}

static void op_task_policy(struct worker *w, struct target *t)
{
	unsigned long nodes;
	int mode = policy(w, &nodes);

	set_task_policy(mode, nodes);
}

static void verified(struct worker *w, long pages, long words)
{
	w->verified += pages * words * sizeof(__u64);
}

static void op_check(struct worker *w, struct target *t)
{
	long i;

	for (i = 0; i < t->pages; i++)
		model_check(t->c, w->id, t->first + i);
	verified(w, t->pages, STAMPS);
}

static void op_look(struct worker *w, struct target *t)
{
	long i;

	for (i = 0; i < t->pages; i++)
		model_look(t->c, t->first + i);
	verified(w, t->pages, STAMPS * w->s->threads);
}

static void op_write(struct worker *w, struct target *t)
{
	long i;

	if (!chunk_written_by(t->c, w->id))
		return;
	for (i = 0; i < t->pages; i++) {
		model_check(t->c, w->id, t->first + i);
		model_write(t->c, w->id, t->first + i);
	}
	verified(w, t->pages, STAMPS);
}

static void op_move(struct worker *w, struct target *t)
{
	sched_setaffinity(0, sizeof(cpu_set_t), &w->s->cpus[below(w, w->s->nodes)]);
}

static void advise(struct target *t, int advice)
{
	/* Refused advice changes nothing. */
	if (madvise(t->a.base, area_bytes(&t->a), advice))
		errno = 0;
}

static void op_cold(struct worker *w, struct target *t)
{
	advise(t, MADV_COLD);
}

static void op_pageout(struct worker *w, struct target *t)
{
	advise(t, MADV_PAGEOUT);
}

static void op_huge(struct worker *w, struct target *t)
{
	advise(t, below(w, 3) ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
}

static void op_collapse(struct worker *w, struct target *t)
{
	struct target whole = { .c = t->c, .a = t->c->a };

	area_mbind(&whole.a, MPOL_LOCAL, 0, 0);
	advise(&whole, MADV_HUGEPAGE);
	advise(&whole, MADV_COLLAPSE);
}

static void op_split(struct worker *w, struct target *t)
{
	split_thps(&t->a);
}

/* Only the owner of the pages may drop them: they are zero then. */
static void op_dontneed(struct worker *w, struct target *t)
{
	if (!mine(w, t))
		return;
	if (!madvise(t->a.base, area_bytes(&t->a),
		     t->c->kind == CHUNK_SHMEM ? MADV_REMOVE : MADV_DONTNEED))
		model_forget(t->c, t->first, t->pages);
}

static void op_free(struct worker *w, struct target *t)
{
	if (!mine(w, t) || t->c->kind == CHUNK_SHMEM)
		return;
	/* Some pages may be freed even if the call fails. */
	model_doubt(t->c, t->first, t->pages);
	advise(t, MADV_FREE);
}

/* No other thread writes to these pages. */
static void op_protect(struct worker *w, struct target *t)
{
	long bytes = area_bytes(&t->a);

	if (!mine(w, t))
		return;
	if (!mprotect(t->a.base, bytes, PROT_READ))
		op_check(w, t);
	/*
	 * Also after a failure, as some pages may be protected. With injected
	 * faults, mprotect(2) may fail with ENOMEM.
	 */
	while (mprotect(t->a.base, bytes, PROT_READ | PROT_WRITE))
		if (errno != ENOMEM)
			abort();
}

/* The child inherits all memory, and continues on its own. */
static long child(struct worker *w, struct target *t)
{
	long before = model_errors();

	op_move(w, t);
	if (t->c->kind != CHUNK_SHMEM) {
		op_write(w, t);
		op_check(w, t);
	}
	op_look(w, t);
	return model_errors() - before;
}

static void op_fork(struct worker *w, struct target *t)
{
	int status = 0;
	pid_t pid;

	if (!t->c->forked)
		return;
	pid = fork();
	if (!pid)
		_exit(child(w, t) ? 1 : 0);
	/* Unshare the page first: with injected faults, waitpid(2) may fail. */
	__atomic_store_n(&status, 0, __ATOMIC_RELAXED);
	op_write(w, t);
	if (pid > 0 && (waitpid(pid, &status, 0) != pid || status))
		model_blame();
}

/* No other thread uses this chunk now. Merge VMAs, so that it can be moved. */
static void remap(struct worker *w, struct chunk *c)
{
	struct area target;
	void *from = c->a.base;
	long bytes = area_bytes(&c->a);

	area_mbind(&c->a, MPOL_DEFAULT, 0, below(w, 2) ? MOF_LAZY_MOVE : 0);
	madvise(from, bytes, c->kind == CHUNK_HUGE ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	if (area_map_file(&target, c->a.pages, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1))
		return;
	/*
	 * After a failure it is unknown whether the target is still ours, or
	 * unmapped and possibly reused by another thread: leave it.
	 */
	if (mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, target.base) !=
	    MAP_FAILED)
		c->a.base = target.base;
}

static void unmap(struct worker *w, struct chunk *c)
{
	int err;

	/* With injected faults, munmap(2) may fail with ENOMEM. */
	while (munmap(c->a.base, area_bytes(&c->a)))
		if (errno != ENOMEM)
			abort();
	do {
		err = chunk_map(c, c->a.base);
	} while (err == -ENOMEM);
	if (err)
		abort();
	if (c->kind != CHUNK_SHMEM)
		model_forget(c, 0, c->a.pages);
}

/* Holds the chunk for writing, unlike the operations in the table. */
static void change_address(struct worker *w, struct chunk *c)
{
	if (pthread_rwlock_trywrlock(&c->moving))
		return;
	if (below(w, 4))
		remap(w, c);
	else
		unmap(w, c);
	pthread_rwlock_unlock(&c->moving);
}

static void op_window(struct worker *w, struct target *t)
{
	static const long pages[] = { 0, 1, 16, 64, 512 };

	write_long(WINDOW, pages[below(w, ARRAY_SIZE(pages))]);
}

static void op_compact(struct worker *w, struct target *t)
{
	write_long(COMPACT, 1);
}

static const struct {
	void (*run)(struct worker *w, struct target *t);
	int weight;
} ops[] = {
	{ op_check, 200 }, { op_write, 250 }, { op_look, 100 },
	{ op_mark, 200 }, { op_mark_all, 50 },
	{ op_move, 60 }, { op_policy, 30 }, { op_task_policy, 10 },
	{ op_cold, 10 }, { op_pageout, 30 }, { op_dontneed, 40 }, { op_free, 20 },
	{ op_huge, 10 }, { op_collapse, 15 }, { op_split, 6 },
	{ op_protect, 20 }, { op_fork, 10 }, { op_window, 10 }, { op_compact, 1 },
};

#define CHANGE_ADDRESS	3	/* weight */

static int total_weight(void)
{
	unsigned int i;
	int sum = 0;

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		sum += ops[i].weight;
	return sum;
}

/* Do one random operation. */
static void worker_step(struct worker *w)
{
	struct target t = { .c = &w->s->chunk[below(w, w->s->chunks)] };
	int which = below(w, total_weight() + CHANGE_ADDRESS);
	unsigned int i = 0;

	w->done++;
	if (which >= total_weight()) {
		change_address(w, t.c);
		return;
	}
	while (which >= ops[i].weight)
		which -= ops[i++].weight;
	pthread_rwlock_rdlock(&t.c->moving);
	choose(w, &t);
	ops[i].run(w, &t);
	pthread_rwlock_unlock(&t.c->moving);
}

struct options {
	long seconds;
	long threads;
	long seed;
	long flip;
};

static void parse(struct options *o, int argc, char **argv)
{
	const struct setting settings[] = {
		{ "seconds", "how long (20)", &o->seconds, 1, LONG_MAX },
		{ "threads", "how many (4)", &o->threads, 1, MAX_THREADS },
		{ "seed", "of what they do (the time)", &o->seed, 0, LONG_MAX },
		{ "flip", "damage memory after half of the time", &o->flip, 0, 0 },
		{ }
	};

	settings_parse(settings, argc, argv);
}

static void find_nodes(struct stress *s)
{
	struct bitmask *cpus = numa_allocate_cpumask();
	int node, cpu;

	s->memory = memory_nodes();
	for (node = 0; node <= numa_max_node() && s->nodes < MAX_NODES; node++) {
		if (numa_node_to_cpus(node, cpus) || !numa_bitmask_weight(cpus))
			continue;
		CPU_ZERO(&s->cpus[s->nodes]);
		for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
			if (numa_bitmask_isbitset(cpus, cpu))
				CPU_SET(cpu, &s->cpus[s->nodes]);
		s->nodes++;
	}
	numa_free_cpumask(cpus);
}

/*
 * Chunks of each kind shared by all threads, and one of each for each thread.
 * Half of them are not inherited by children, as fork(2) makes all other memory
 * shared.
 */
static void make_chunks(struct stress *s)
{
	int i, kind;

	for (i = -2; i < s->threads; i++)
		for (kind = 0; kind < NR_CHUNK_KINDS; kind++) {
			struct chunk *c = &s->chunk[s->chunks];

			c->id = s->chunks++;
			c->kind = kind;
			c->owner = i < 0 ? -1 : i;
			c->forked = i % 2;
			c->a.pages = CHUNK_PAGES;
			if (chunk_new(c, s->threads))
				ksft_exit_fail_msg("no memory for chunk %d\n", c->id);
		}
}

static void *work(void *arg)
{
	struct worker *w = arg;

	while (!__atomic_load_n(&w->s->stop, __ATOMIC_RELAXED) && !model_errors())
		worker_step(w);
	return NULL;
}

/* Compare all words of all threads. */
static void check_all(struct stress *s)
{
	long page;
	int i, t;

	for (i = 0; i < s->chunks; i++)
		for (page = 0; page < CHUNK_PAGES; page++) {
			for (t = 0; t < s->threads; t++)
				model_check(&s->chunk[i], t, page);
			model_look(&s->chunk[i], page);
		}
}

/* Corrupt a page that thread 0 has written. */
static bool flip_one(struct stress *s)
{
	struct chunk *c = &s->chunk[0];
	long page;

	for (page = 0; page < CHUNK_PAGES; page++)
		if (c->generation[0][page]) {
			pthread_rwlock_rdlock(&c->moving);
			model_flip(c, 0, page);
			pthread_rwlock_unlock(&c->moving);
			return true;
		}
	return false;
}

static void summary(const struct worker *w, const struct stats *before, time_t since)
{
	long done = 0, verified = 0;
	struct stats d;
	int i;

	for (i = 0; i < w->s->threads; i++) {
		done += w[i].done;
		verified += w[i].verified;
	}
	stats_since(before, &d);
	ksft_print_msg("%ld s: %ld operations, %ld bytes verified, %ld pages swapped out\n",
		       (long)(time(NULL) - since), done, verified, d.v[PSWPOUT]);
	ksft_print_msg("pages: %ld marked, %ld migrated (%ld by windows, %ld THPs)\n",
		       d.v[MOF_MARKED], d.v[MOF_MIGRATED], d.v[MOF_WINDOWED],
		       d.v[MOF_MIGRATED_THP]);
	ksft_print_msg("pages: %ld local, %ld failed\n", d.v[MOF_LOCAL], stats_failed(&d));
}

/* Run the threads for the given time, or until one has found an error. */
static void run(struct stress *s, const struct options *o, const struct stats *before)
{
	struct worker w[MAX_THREADS] = { };
	time_t begin = time(NULL), report = begin;
	bool flip = o->flip;
	int i;

	for (i = 0; i < s->threads; i++) {
		w[i].s = s;
		w[i].id = i;
		w[i].random = (o->seed + i + 1) * 0x9e3779b97f4a7c15ULL;
		if (pthread_create(&w[i].thread, NULL, work, &w[i]))
			ksft_exit_fail_msg("no thread %d\n", i);
	}
	while (time(NULL) < begin + o->seconds && !model_errors()) {
		sleep(1);
		if (flip && time(NULL) >= begin + o->seconds / 2)
			flip = !flip_one(s);
		if (time(NULL) >= report + REPORT) {
			report = time(NULL);
			summary(w, before, begin);
		}
	}
	__atomic_store_n(&s->stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < s->threads; i++)
		pthread_join(w[i].thread, NULL);
	check_all(s);
	summary(w, before, begin);
}

static void died(int signal, siginfo_t *info, void *context)
{
	char text[64];
	int len = snprintf(text, sizeof(text), "Bail out! signal %d at %p\n", signal,
			   info->si_addr);

	_exit(write(STDOUT_FILENO, text, len) == len ? KSFT_FAIL : KSFT_FAIL + 100);
}

static void catch_signals(void)
{
	struct sigaction action = { .sa_sigaction = died, .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}

static void judge(struct stress *s, const struct stats *before)
{
	long errors = model_errors();
	struct stats d;

	stats_since(before, &d);
	ksft_test_result(!errors, "contents_are_those_of_the_model\n");
	ksft_test_result(d.v[MOF_MIGRATED] > 0, "marked_pages_have_migrated\n");
	ksft_test_result(!stats_unreconciled(&d), "counters_reconcile\n");
	/* Test the checks themselves. */
	model_write(&s->chunk[0], 0, 0);
	model_flip(&s->chunk[0], 0, 0);
	ksft_print_msg("a bit has been flipped: expect \"lost\" and \"astray\"\n");
	check_all(s);
	ksft_test_result(model_errors() > errors, "a_flipped_bit_is_found\n");
}

int main(int argc, char **argv)
{
	struct options o = { .seconds = 20, .threads = 4, .seed = time(NULL) };
	static struct stress s;
	struct stats before;
	struct stage stage;

	parse(&o, argc, argv);
	stage_begin(&stage, 4);
	s.threads = o.threads;
	find_nodes(&s);
	make_chunks(&s);
	catch_signals();
	ksft_print_msg("seed %ld, %ld threads, %d chunks of %ld pages\n", o.seed, o.threads,
		       s.chunks, CHUNK_PAGES);
	stats_read(&before);
	run(&s, &o, &before);
	judge(&s, &before);
	stage_close(&stage);
	ksft_finished();
}
