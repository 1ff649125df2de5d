// SPDX-License-Identifier: GPL-2.0
/*
 * The fuzzer: the memory of a program and the model of it; its threads, its
 * child, and sysctls.
 *
 * The contents of a page are derived from one number, its generation, which is
 * new at each write; 0 is a page of zeroes. Some words of the page hold it, at
 * both ends and in between; the others are zero.
 *
 * A page is allowed on the nodes of all policies that have been in force since
 * it was allocated, as it may have stayed at any change. Without MPOL_BIND that
 * is any node. In an area with large folios, all pages share these nodes, as
 * folios move as a whole, and are made of surrounding pages.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"

#define STAMPS		4L	/* number of written words in a page */
#define MAX_PAGE	(64UL << 10)
#define UNWRITTEN	8	/* of unwritten pages of THPs, one in so many is compared */
/* First generation of a child; generations of files are above. */
#define CHILD_GENERATIONS	0x40000000U
/* Microseconds between rounds of a thread, to leave CPU time to others. */
#define NAP			2000

/* Number of pages from @first on, up to @limit, that are mapped alike. */
long fuzz_mapped(const struct fuzz_area *a, long first, long limit)
{
	const struct fuzz_page *p = &a->page[first];
	long i;

	if (p->prot == FUZZ_UNMAPPED)
		return 0;
	for (i = 1; i < limit && first + i < a->a.pages; i++)
		if (p[i].prot != p->prot || p[i].mode != p->mode ||
		    p[i].nodes != p->nodes || p[i].home != p->home + i)
			break;
	return i;
}

/* Pages show the backing object again; shared objects are zeroed. */
void fuzz_forget(struct fuzz_area *a, long first, long pages)
{
	struct fuzz_page *p;

	for (p = &a->page[first]; pages--; p++) {
		if (a->behind && p->prot != FUZZ_UNMAPPED)
			a->behind[p->home] = (struct fuzz_behind) { };
		p->generation = 0;
		p->unsure = false;
	}
}

/* Pages may show the backing object at any time, until they are written. */
void fuzz_doubt(struct fuzz_area *a, long first, long pages)
{
	struct fuzz_page *p;

	for (p = &a->page[first]; pages--; p++)
		if (!a->behind)
			p->unsure = true;
		else if (p->prot != FUZZ_UNMAPPED)
			a->behind[p->home].unsure = true;
}

static unsigned long policy_nodes(const struct fuzz_page *p)
{
	return p->nodes ? p->nodes : ~0UL;
}

/* Pages will be allocated anew, under the current policy. */
void fuzz_fresh(struct fuzz_area *a, long first, long pages)
{
	struct fuzz_page *p;

	if (a->large) {
		fuzz_widen(a, first, pages, policy_nodes(&a->page[first]));
		return;
	}
	for (p = &a->page[first]; pages--; p++) {
		p->allowed = policy_nodes(p);
		p->swapped = false;
	}
}

/* Pages may also be on @nodes from now on. */
void fuzz_widen(struct fuzz_area *a, long first, long pages, unsigned long nodes)
{
	unsigned long all = nodes;
	long i;

	if (a->large) {
		first = 0;
		pages = a->a.pages;
		for (i = 0; i < pages; i++)
			all |= a->page[i].prot == FUZZ_UNMAPPED ? 0 : a->page[i].allowed;
	}
	for (i = first; i < first + pages; i++)
		a->page[i].allowed |= all;
}

void fuzz_unmapped(struct fuzz_area *a, long first, long pages)
{
	struct fuzz_page *p;

	for (p = &a->page[first]; pages--; p++) {
		p->prot = FUZZ_UNMAPPED;
		p->generation = 0;
		p->unsure = false;
	}
}

/* Pages of a new mapping, which has no policy yet. */
void fuzz_mapped_anew(struct fuzz_area *a, long first, long pages)
{
	long i;

	for (i = first; i < first + pages; i++)
		a->page[i] = (struct fuzz_page) {
			.prot = PROT_READ | PROT_WRITE,
			.home = i,
			.mode = MPOL_DEFAULT,
			.allowed = ~0UL,
		};
	if (a->large)
		fuzz_widen(a, 0, 0, ~0UL);
}

/* Move pages with their model from @first to @to. */
void fuzz_moved(struct fuzz_area *a, long first, long pages, long to)
{
	memcpy(&a->page[to], &a->page[first], pages * sizeof(*a->page));
	fuzz_unmapped(a, first, pages);
	if (a->large)
		fuzz_widen(a, 0, 0, 0);
}

/* Also called in children of a multithreaded process: no stdio. */
void fuzz_fail(struct fuzz_run *r, const char *format, ...)
{
	char text[256];
	va_list args;
	int len;

	if (r->failed || r->w->quiet) {
		r->failed = true;
		return;
	}
	r->failed = true;
	len = snprintf(text, sizeof(text), "# program %llu, call %ld: ",
		       (unsigned long long)r->p->seed, r->w->me->call);
	va_start(args, format);
	len += vsnprintf(text + len, sizeof(text) - len - 1, format, args);
	va_end(args);
	if (len > (int)sizeof(text) - 2)
		len = sizeof(text) - 2;
	text[len++] = '\n';
	if (write(STDOUT_FILENO, text, len) != len)
		abort();
}

static long stamp_word(long i)
{
	return i * (page_size() / (long)sizeof(__u64) - 1) / (STAMPS - 1);
}

static __u64 stamp(__u32 generation, long i)
{
	return generation ? (__u64)generation << 32 | (i + 1) * 0x01010101U : 0;
}

static __u64 *page_words(const struct fuzz_area *a, long page)
{
	return (__u64 *)(a->a.base + page * page_size());
}

/* Generations of the file's contents, beyond all generations of processes. */
static __u32 fuzz_file_generation(long page)
{
	return 0x80000000U | (page + 1);
}

int fuzz_file_fill(int fd)
{
	long page, i;
	__u64 word;

	if (fd < 0 || ftruncate(fd, FUZZ_FILE_PAGES * page_size()))
		return -errno;
	for (page = 0; page < FUZZ_FILE_PAGES; page++)
		for (i = 0; i < STAMPS; i++) {
			word = stamp(fuzz_file_generation(page), i);
			if (pwrite(fd, &word, sizeof(word), page * page_size() +
				   stamp_word(i) * sizeof(word)) != sizeof(word))
				return -EIO;
		}
	return fsync(fd) ? -errno : 0;
}

bool fuzz_private(const struct fuzz_area *a)
{
	return !a->behind;
}

struct area fuzz_span(const struct fuzz_area *a, long first, long pages)
{
	return area_part(&a->a, first, pages);
}

static int map(struct fuzz_run *r, struct fuzz_area *a, long pages)
{
	int flags = fuzz_private(a) ? MAP_PRIVATE : MAP_SHARED;

	if (a->kind == FUZZ_MEMFD) {
		a->fd = memfd_create("mof-fuzz", 0);
		if (a->fd < 0 || ftruncate(a->fd, pages * page_size()))
			return -errno;
	} else if (a->kind == FUZZ_FILE) {
		a->fd = r->w->file;
	} else {
		flags |= MAP_ANONYMOUS;
	}
	return area_map_file(&a->a, pages, PROT_READ | PROT_WRITE, flags, a->fd);
}

/* Unmap a quarter of the area, to grow into, and map no more after that. */
int fuzz_area_cut(struct fuzz_area *a)
{
	long keep = a->a.pages / 4 * 3;
	struct area rest = fuzz_span(a, keep, a->a.pages - keep);

	fuzz_unmapped(a, keep, rest.pages);
	return munmap(rest.base, area_bytes(&rest)) ? -errno : 0;
}

/* Map an area for the program. */
int fuzz_area_new(struct fuzz_run *r, int area)
{
	struct fuzz_area *a = &r->area[area];
	long pages = fuzz_area_pages(r->p, area);
	int err;

	a->kind = fuzz_area_kind(r->p, area);
	a->fd = -1;
	a->large = a->kind == FUZZ_HUGE;
	a->page = calloc(pages, sizeof(*a->page));
	if (a->kind == FUZZ_SHARED || a->kind == FUZZ_MEMFD) {
		a->behind = mmap(NULL, pages * sizeof(*a->behind), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (a->behind == MAP_FAILED)
			return -errno;
	}
	err = a->page ? map(r, a, pages) : -ENOMEM;
	if (err)
		return err;
	if (a->kind == FUZZ_ANON || a->kind == FUZZ_HUGE)
		madvise(a->a.base, area_bytes(&a->a),
			a->large ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	fuzz_mapped_anew(a, 0, pages);
	return 0;
}

/* Write the next generation to a page, which is writable. */
void fuzz_write_page(struct fuzz_run *r, struct fuzz_area *a, long page)
{
	struct fuzz_page *p = &a->page[page];
	__u32 next = ++r->generation;
	long i;

	for (i = 0; i < STAMPS; i++)
		__atomic_store_n(&page_words(a, page)[stamp_word(i)], stamp(next, i),
				 __ATOMIC_RELAXED);
	if (a->behind) {
		a->behind[p->home] = (struct fuzz_behind) { .generation = next };
		return;
	}
	p->generation = next;
	p->unsure = false;
}

/**
 * struct look - expected contents of a page
 * @generation:	its contents
 * @behind:	contents of the backing object
 * @unsure:	it may show @behind instead
 */
struct look {
	__u32 generation;
	__u32 behind;
	bool unsure;
};

static struct look look_at(const struct fuzz_area *a, const struct fuzz_page *p)
{
	struct look l = { };

	if (a->behind) {
		l.generation = a->behind[p->home].generation;
		l.unsure = a->behind[p->home].unsure;
		return l;
	}
	if (a->kind == FUZZ_FILE)
		l.behind = fuzz_file_generation(p->home);
	l.generation = p->generation ? : l.behind;
	l.unsure = p->unsure;
	return l;
}

/* The page shows the backing object: its former contents cannot come back. */
static void look_learned(struct fuzz_area *a, struct fuzz_page *p)
{
	if (a->behind) {
		a->behind[p->home] = (struct fuzz_behind) { };
	} else {
		p->generation = 0;
		p->unsure = false;
	}
}

/* An unsure page may be dropped at any time, even between two words. */
static void check_stamp(struct fuzz_run *r, struct look *l, __u64 *word, long nr)
{
	__u64 have = __atomic_load_n(word, __ATOMIC_RELAXED);
	__u64 want = stamp(l->generation, nr);

	if (have == want)
		return;
	if (l->unsure && have == stamp(l->behind, nr))
		l->generation = l->behind;
	else
		fuzz_fail(r, "%p: %016llx instead of %016llx", word,
			  (unsigned long long)have, (unsigned long long)want);
}

/* Words between two stamps are always zero. */
static void check_zero(struct fuzz_run *r, const __u64 *words, long nr)
{
	static const __u64 zeroes[MAX_PAGE / sizeof(__u64)];
	long i;

	if (!memcmp(words, zeroes, nr * sizeof(*words)))
		return;
	for (i = 0; i < nr - 1 && !words[i]; i++)
		;
	fuzz_fail(r, "%p: %016llx instead of zero", &words[i],
		  (unsigned long long)words[i]);
}

/* The kernel must refuse to read the page, marked or not. */
static void check_refused(struct fuzz_run *r, struct fuzz_area *a, long page)
{
	char byte;

	if (write(r->probe[1], page_words(a, page), 1) < 0) {
		if (errno != EFAULT)
			fuzz_fail(r, "%p: write(2) from this address: %s", page_words(a, page),
				  strerrorname_np(errno));
		return;
	}
	fuzz_fail(r, "%p: is readable", page_words(a, page));
	if (read(r->probe[0], &byte, 1) < 0)
		abort();
}

/* Compare the stamps of a page with the model, or @all words. */
void fuzz_check_page(struct fuzz_run *r, struct fuzz_area *a, long page, bool all)
{
	struct fuzz_page *p = &a->page[page];
	__u64 *words = page_words(a, page);
	struct look l, found;
	long i;

	if (p->prot == FUZZ_UNMAPPED || !(p->prot & PROT_READ)) {
		if (all || page % 8 == 0)
			check_refused(r, a, page);
		return;
	}
	l = look_at(a, p);
	found = l;
	for (i = 0; i < STAMPS; i++)
		check_stamp(r, &found, &words[stamp_word(i)], i);
	for (i = 0; all && i < STAMPS - 1; i++)
		check_zero(r, &words[stamp_word(i) + 1],
			   stamp_word(i + 1) - stamp_word(i) - 1);
	if (found.generation != l.generation)
		look_learned(a, p);
	r->w->me->checked++;
}

void fuzz_check_area(struct fuzz_run *r, struct fuzz_area *a)
{
	bool many = a->kind == FUZZ_HUGE;
	long page;

	for (page = 0; page < a->a.pages && !r->failed; page++)
		if (!many || a->page[page].generation ||
		    (page + r->p->seed) % UNWRITTEN == 0)
			fuzz_check_page(r, a, page, true);
}

/* Flip a bit, to test the checks themselves. */
void fuzz_flip(struct fuzz_run *r)
{
	struct fuzz_area *a = &r->area[0];
	long page;

	for (page = 0; page < a->a.pages; page++)
		if (a->page[page].prot > 0 && a->page[page].prot & PROT_WRITE) {
			page_words(a, page)[stamp_word(1) + 1] ^= 1ULL << 40;
			return;
		}
	fuzz_fail(r, "no page to flip a bit in");
}

static __thread sigjmp_buf back;
static __thread sig_atomic_t touching;

/* Only threads may touch unmapped or protected pages. */
static void refused(int signal_number)
{
	if (touching)
		siglongjmp(back, 1);
	signal(signal_number, SIG_DFL);
}

static void touch_page(const struct fuzz_thread *t, long page)
{
	__u64 *word = (__u64 *)(t->a.base + page * page_size());

	/* Ordered, as the handler must see @touching at the access. */
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
	/* SA_NODEFER: siglongjmp() does not restore the signal mask. */
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

/* Let a thread touch the range once, and wait for it. */
void fuzz_touch(struct fuzz_run *r, const struct fuzz_call *c, struct area a)
{
	start(r, c, a, FUZZ_ONCE);
	wait_until_idle(&r->thread[c->who]);
}

/* Let a thread touch the range in a loop. */
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

/* Mark the child's memory, under its current policy. */
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
 * A child keeps its parent's memory as of fork(2). Unless it has waited, its
 * parent may be using their shared memory.
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

/* Fork a child that uses the memory, at once or at fuzz_join(). */
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

/* Closing the pipe wakes the child. */
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

/*
 * Serialised: without JUMP_LABEL the kernel warns if a static key is enabled
 * while it is being disabled. The lock of a killed process is released.
 */
static int write_balancing(struct fuzz_shared *all, long value)
{
	int lock = open(BALANCING, O_RDONLY | O_CLOEXEC), err;

	if (lock < 0)
		return -errno;
	while (flock(lock, LOCK_EX) && errno == EINTR)
		;
	__atomic_fetch_add(&all->balancings, 1, __ATOMIC_SEQ_CST);
	err = write_long(BALANCING, value);
	__atomic_fetch_add(&all->balancings, 1, __ATOMIC_SEQ_CST);
	close(lock);
	return err;
}

/* Write the call's value; @want is the expected result. */
void fuzz_sysctl(struct fuzz_run *r, const struct fuzz_call *c, const char *path, int want)
{
	const struct fuzz_choice *choice = fuzz_choice(c);
	int err;

	if (!r->w->root || access(path, F_OK))
		return;
	r->w->me->sysctls = true;
	if (!strcmp(path, BALANCING))
		err = write_balancing(r->w->all, choice->value);
	else
		err = write_long(path, choice->value);
	if (err != want)
		fuzz_fail(r, "%s: %d", choice->name, err);
}

/* Restore sysctls, if the program has written to one. */
void fuzz_sysctls_back(struct fuzz_world *w)
{
	if (!w->me->sysctls)
		return;
	w->me->sysctls = false;
	write_balancing(w->all, 0);
	write_long(WINDOW, w->window);
}

/**
 * fuzz_unbalanced_since() - check that no balancer has moved pages
 * @r:		the program
 * @since:	negative at first; set to the point in time to compare with
 *
 * Return: true if kernel.numa_balancing is 0, and has been so since then.
 */
bool fuzz_unbalanced_since(const struct fuzz_run *r, long *since)
{
	long now = __atomic_load_n(&r->w->all->balancings, __ATOMIC_SEQ_CST);

	if (*since < 0)
		*since = now;
	return now == *since && read_long(BALANCING) <= 0;
}
