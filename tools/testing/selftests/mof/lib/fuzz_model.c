// SPDX-License-Identifier: GPL-2.0
/*
 * The fuzzer: what memory should hold.
 *
 * All contents of a page are made from one number, its generation, which is new
 * at each write; 0 is a page of zeroes. Some words of the page tell it, at both
 * ends and in between, the others are zero.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

#define STAMPS		4L	/* words of a page that are written */
#define MAX_PAGE	(64UL << 10)
#define UNWRITTEN	8	/* of these, one page is compared in areas of THPs */

/* Also called in children of a process with threads: no stdio. */
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

/* The file's contents: no process ever writes that many generations. */
__u32 fuzz_file_generation(long page)
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

/* Leave a quarter of the area to grow into. Once that is free, do not map more. */
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

/* Give the page, which is writable, its next contents. */
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
 * struct look - what a page should show
 * @generation:	its contents
 * @behind:	those that it may have instead
 * @unsure:	it may
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

/* It does show what is behind it: nothing brings back what it held before. */
static void look_learned(struct fuzz_area *a, struct fuzz_page *p)
{
	if (a->behind) {
		a->behind[p->home] = (struct fuzz_behind) { };
	} else {
		p->generation = 0;
		p->unsure = false;
	}
}

/* It may be dropped at any time if it is unsure, also between two words. */
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

/* What lies between two stamps is zero, whatever the generation. */
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

/* The kernel must refuse to read it, marked or not. */
static void check_refused(struct fuzz_run *r, struct fuzz_area *a, long page)
{
	char byte;

	if (write(r->probe[1], page_words(a, page), 1) < 0) {
		if (errno != EFAULT)
			fuzz_fail(r, "%p: write(2) from it: %s", page_words(a, page),
				  strerrorname_np(errno));
		return;
	}
	fuzz_fail(r, "%p: can be read", page_words(a, page));
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

/* For the test of this test: one bit that nobody wrote. */
void fuzz_flip(struct fuzz_run *r)
{
	struct fuzz_area *a = &r->area[0];
	long page;

	for (page = 0; page < a->a.pages; page++)
		if (a->page[page].prot > 0 && a->page[page].prot & PROT_WRITE) {
			page_words(a, page)[stamp_word(1) + 1] ^= 1ULL << 40;
			return;
		}
	fuzz_fail(r, "no page to flip a bit of");
}
