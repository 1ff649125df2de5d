// SPDX-License-Identifier: GPL-2.0
/*
 * What the threads of the stress test do: one operation at random at a time.
 *
 * Operations may fail, as under memory pressure: contents must be right anyway.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <numaif.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../kselftest.h"
#include "stress.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

#define COMPACT		"/proc/sys/vm/compact_memory"

/**
 * struct target - a chunk and some of its pages, at random
 * @c:		the chunk; held for reading
 * @first:	first page
 * @pages:	how many
 * @a:		these pages
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

/* Mostly short ranges; each touch of a page costs as much as marking many. */
static void choose(struct worker *w, struct target *t)
{
	long longest = below(w, 8) ? 16 : t->c->a.pages;

	t->first = below(w, t->c->a.pages);
	t->pages = 1 + below(w, longest);
	if (t->pages > t->c->a.pages - t->first)
		t->pages = t->c->a.pages - t->first;
	t->a = area_part(&t->c->a, t->first, t->pages);
}

/* Any of the policies that there are, for some of the nodes with memory. */
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

/* Policies for a part cut the VMA, and so what maps THPs: mostly not there. */
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
	/* Advice may be refused; then nothing is different. */
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

/* What only the owner of the pages may do: they are zero then. */
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
	/* Some of them may be freed even if it fails. */
	model_doubt(t->c, t->first, t->pages);
	advise(t, MADV_FREE);
}

/* Nobody else writes to these pages. */
static void op_protect(struct worker *w, struct target *t)
{
	long bytes = area_bytes(&t->a);

	if (!mine(w, t))
		return;
	if (!mprotect(t->a.base, bytes, PROT_READ))
		op_check(w, t);
	/*
	 * Also if it has failed, as some pages may be protected. There may be no
	 * memory for it just now, where faults are injected.
	 */
	while (mprotect(t->a.base, bytes, PROT_READ | PROT_WRITE))
		if (errno != ENOMEM)
			abort();
}

/* The child has all that its parent has, and goes on with that on its own. */
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
	/* Have the page to itself: where faults are injected, waitpid(2) may fail. */
	__atomic_store_n(&status, 0, __ATOMIC_RELAXED);
	op_write(w, t);
	if (pid > 0 && (waitpid(pid, &status, 0) != pid || status))
		model_blame();
}

/* Nobody else is in this chunk now. One VMA again, so that it can be moved. */
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
	 * If it fails, nobody knows whether the target is still ours, or unmapped and
	 * by now another thread's: leave it there.
	 */
	if (mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, target.base) !=
	    MAP_FAILED)
		c->a.base = target.base;
}

static void unmap(struct worker *w, struct chunk *c)
{
	int err;

	/* There may be no memory for it just now, where faults are injected. */
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

/* Holds the chunk for writing: not one of those that worker_step() calls. */
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

/* Do one thing. */
void worker_step(struct worker *w)
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
