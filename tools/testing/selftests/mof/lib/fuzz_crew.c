// SPDX-License-Identifier: GPL-2.0
/*
 * The fuzzer: who else uses the memory: threads on two nodes, and a child.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"

/* Generations of a child begin here, those of files above. */
#define CHILD_GENERATIONS	0x40000000U

/* Microseconds between rounds of a thread: others need the CPU, too. */
#define NAP			2000

static __thread sigjmp_buf back;
static __thread sig_atomic_t touching;

/* Threads may touch what is being unmapped or protected; nobody else may. */
static void refused(int signal_number)
{
	if (touching)
		siglongjmp(back, 1);
	signal(signal_number, SIG_DFL);
}

static void touch_page(const struct fuzz_thread *t, long page)
{
	__u64 *word = (__u64 *)(t->a.base + page * page_size());

	/* To be seen by the handler, at the access: so these are no plain stores. */
	if (!sigsetjmp(back, 0)) {
		__atomic_store_n(&touching, 1, __ATOMIC_SEQ_CST);
		if (t->write)
			__atomic_fetch_add(word, 0, __ATOMIC_SEQ_CST);
		else
			page_read(&t->a, page);
	}
	__atomic_store_n(&touching, 0, __ATOMIC_SEQ_CST);
}

static void touch_pages(const struct fuzz_thread *t)
{
	long page;

	for (page = 0; page < t->a.pages; page++)
		touch_page(t, page);
}

static void *work(void *arg)
{
	struct fuzz_thread *t = arg;

	run_on(t->node);
	pthread_mutex_lock(&t->lock);
	for (;;) {
		while (t->job == FUZZ_IDLE)
			pthread_cond_wait(&t->changed, &t->lock);
		pthread_mutex_unlock(&t->lock);
		touch_pages(t);
		while (t->job == FUZZ_ALWAYS && !__atomic_load_n(&t->stop, __ATOMIC_RELAXED)) {
			usleep(NAP);
			touch_pages(t);
		}
		pthread_mutex_lock(&t->lock);
		t->job = FUZZ_IDLE;
		pthread_cond_broadcast(&t->changed);
	}
	return NULL;
}

int fuzz_crew_start(struct fuzz_run *r)
{
	/* SA_NODEFER: siglongjmp() leaves the mask as it is. */
	struct sigaction action = { .sa_handler = refused, .sa_flags = SA_NODEFER };
	struct fuzz_thread *t;
	int i;

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	for (i = 0; i < FUZZ_THREADS; i++) {
		t = &r->thread[i];
		t->node = i ? r->w->m.to : r->w->m.from;
		pthread_mutex_init(&t->lock, NULL);
		pthread_cond_init(&t->changed, NULL);
		if (pthread_create(&t->thread, NULL, work, t))
			return -1;
	}
	return 0;
}

static void wait_until_idle(struct fuzz_thread *t)
{
	pthread_mutex_lock(&t->lock);
	while (t->job != FUZZ_IDLE)
		pthread_cond_wait(&t->changed, &t->lock);
	pthread_mutex_unlock(&t->lock);
}

static void halt(struct fuzz_thread *t)
{
	__atomic_store_n(&t->stop, true, __ATOMIC_RELAXED);
	wait_until_idle(t);
}

static void start(struct fuzz_run *r, const struct fuzz_call *c, struct area a,
		  enum fuzz_job job)
{
	struct fuzz_thread *t = &r->thread[c->who];

	halt(t);
	pthread_mutex_lock(&t->lock);
	t->a = a;
	t->write = fuzz_choice(c) && fuzz_choice(c)->value;
	t->stop = false;
	t->job = job;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

/* Have a thread touch the range, and wait until it has. */
void fuzz_touch(struct fuzz_run *r, const struct fuzz_call *c, struct area a)
{
	start(r, c, a, FUZZ_ONCE);
	wait_until_idle(&r->thread[c->who]);
}

/* Have a thread touch the range again and again. */
void fuzz_chase(struct fuzz_run *r, const struct fuzz_call *c, struct area a)
{
	start(r, c, a, FUZZ_ALWAYS);
}

void fuzz_halt(struct fuzz_run *r)
{
	int i;

	for (i = 0; i < FUZZ_THREADS; i++)
		halt(&r->thread[i]);
}

/* Mark what the child has, under the policy that it has. */
static void mark_again(struct fuzz_area *a)
{
	long pages = fuzz_mapped(a, 0, a->a.pages);
	struct area span = fuzz_span(a, 0, pages);

	if (pages)
		area_mbind(&span, a->page[0].mode, a->page[0].nodes, MOF_LAZY_MOVE);
}

static void write_third(struct fuzz_run *r, struct fuzz_area *a)
{
	long page;

	for (page = r->p->seed % 3; page < a->a.pages; page += 3)
		if (a->page[page].prot > 0 && a->page[page].prot & PROT_WRITE)
			fuzz_write_page(r, a, page);
}

/*
 * A child has what its parent had when it was made, whatever that does since
 * then. If it did not wait, its parent may be using what they share.
 */
static void child_work(struct fuzz_run *r, const struct fuzz_call *c)
{
	bool waited = !fuzz_choice(c)->value;
	struct fuzz_area *a;

	r->generation += CHILD_GENERATIONS;
	run_on(r->thread[c->who].node);
	for (a = r->area; a < r->area + FUZZ_AREAS && !r->failed; a++) {
		if (!waited && !fuzz_private(a))
			continue;
		fuzz_check_area(r, a);
		write_third(r, a);
		mark_again(a);
		fuzz_check_area(r, a);
	}
}

static void child(struct fuzz_run *r, const struct fuzz_call *c, const int *wake)
{
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(wake[1]);
	if (!fuzz_choice(c)->value && read(wake[0], &byte, 1) < 0)
		_exit(1);
	child_work(r, c);
	_exit(r->failed);
}

/* Make a child that uses the memory, at once or when it is waited for. */
void fuzz_fork(struct fuzz_run *r, const struct fuzz_call *c)
{
	int wake[2];

	fuzz_join(r);
	if (pipe(wake))
		return;
	r->child = fork();
	if (!r->child)
		child(r, c, wake);
	close(wake[0]);
	r->wake = wake[1];
	if (r->child < 0) {
		close(wake[1]);
		r->child = 0;
	}
}

/* The child goes on when its pipe is closed. */
void fuzz_join(struct fuzz_run *r)
{
	int status = 0;

	if (!r->child)
		return;
	close(r->wake);
	if (waitpid(r->child, &status, 0) != r->child || status)
		fuzz_fail(r, "the child ended with status 0x%x", status);
	r->child = 0;
}
