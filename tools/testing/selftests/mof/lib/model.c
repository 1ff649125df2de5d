// SPDX-License-Identifier: GPL-2.0
/*
 * Model of the memory of the stress test.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "model.h"

#define REPORTED	8	/* number of errors that are described */

static long errors;

long model_errors(void)
{
	return __atomic_load_n(&errors, __ATOMIC_RELAXED);
}

/* Count an error that has been described elsewhere. */
void model_blame(void)
{
	__atomic_fetch_add(&errors, 1, __ATOMIC_RELAXED);
}

static int map(struct chunk *c, void *where)
{
	int flags = c->fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;

	if (!where)
		return area_map_file(&c->a, c->a.pages, PROT_READ | PROT_WRITE, flags, c->fd);
	if (mmap(where, area_bytes(&c->a), PROT_READ | PROT_WRITE, flags | MAP_FIXED,
		 c->fd, 0) == MAP_FAILED)
		return -errno;
	c->a.base = where;
	return 0;
}

/* Map the chunk anew, at @where unless that is NULL; its contents are lost. */
int chunk_map(struct chunk *c, void *where)
{
	int err = map(c, where);

	if (!err && !c->forked && madvise(c->a.base, area_bytes(&c->a), MADV_DONTFORK))
		err = -errno;
	return err;
}

/* The caller has set @id, @kind, @owner, @forked and @a.pages. */
int chunk_new(struct chunk *c, int threads)
{
	int i;

	c->fd = c->kind == CHUNK_SHMEM ? memfd_create("mof-stress", 0) : -1;
	if (c->fd >= 0 && ftruncate(c->fd, area_bytes(&c->a)))
		return -errno;
	pthread_rwlock_init(&c->moving, NULL);
	for (i = 0; i < threads; i++)
		c->generation[i] = calloc(c->a.pages, sizeof(__u32));
	c->unsure = calloc(c->a.pages, sizeof(bool));
	return chunk_map(c, NULL);
}

bool chunk_written_by(const struct chunk *c, int thread)
{
	return c->owner < 0 || c->owner == thread;
}

/* Word of stamp @i: spread over the page, different for each thread. */
static long stamp_word(int thread, long i)
{
	long words = page_size() / (long)sizeof(__u64);

	return i * (words / STAMPS) + (thread * 7L) % (words / STAMPS);
}

static __u64 *word_at(const struct chunk *c, long page, long word)
{
	return (__u64 *)(c->a.base + page * page_size()) + word;
}

static __u64 stamp(const struct chunk *c, int thread, long page, long i, __u32 generation)
{
	__u64 where = (__u64)c->id << 24 | (__u64)thread << 18 | (__u64)i << 16 | page;

	return generation ? where << 32 | generation : 0;
}

/* Also called in children of a multithreaded process: no stdio. */
static void complain(const struct chunk *c, int thread, long page, long i,
		     __u64 want, __u64 have, const char *what)
{
	char text[256];
	int len;

	if (__atomic_fetch_add(&errors, 1, __ATOMIC_RELAXED) >= REPORTED)
		return;
	len = snprintf(text, sizeof(text),
		       "# %s: chunk %d, kind %d, owner %d, page %ld (%p), word %ld, thread %d: %016llx instead of %016llx\n",
		       what, c->id, c->kind, c->owner, page,
		       (void *)word_at(c, page, 0), stamp_word(thread, i), thread,
		       (unsigned long long)have, (unsigned long long)want);
	if (write(STDOUT_FILENO, text, len) != len)
		abort();
}

/* Write the thread's next generation to all its words of the page. */
void model_write(struct chunk *c, int thread, long page)
{
	__u32 next = c->generation[thread][page] + 1;
	long i;

	for (i = 0; i < STAMPS; i++)
		__atomic_store_n(word_at(c, page, stamp_word(thread, i)),
				 stamp(c, thread, page, i, next), __ATOMIC_RELAXED);
	c->generation[thread][page] = next;
	c->unsure[page] = false;
}

/*
 * Compare all words of the calling thread in a page, and return the number of
 * bad ones. A lazily freed page may be dropped at any time, even between two
 * words.
 */
long model_check(struct chunk *c, int thread, long page)
{
	__u32 generation = c->generation[thread][page];
	long i, bad = 0;
	__u64 want, have;

	for (i = 0; i < STAMPS; i++) {
		want = stamp(c, thread, page, i, generation);
		have = __atomic_load_n(word_at(c, page, stamp_word(thread, i)),
				       __ATOMIC_RELAXED);
		if (have == want)
			continue;
		if (!have && c->unsure[page]) {
			generation = 0;
			continue;
		}
		complain(c, thread, page, i, want, have, "lost");
		bad++;
	}
	if (generation != c->generation[thread][page])
		model_forget(c, page, 1);
	return bad;
}

/* Check that each word has a stamp of this place, of any generation. */
long model_look(const struct chunk *c, long page)
{
	long i, bad = 0;
	__u64 have, want;
	int t;

	for (t = 0; t < MAX_THREADS && c->generation[t]; t++)
		for (i = 0; i < STAMPS; i++) {
			have = __atomic_load_n(word_at(c, page, stamp_word(t, i)),
					       __ATOMIC_RELAXED);
			want = chunk_written_by(c, t) ?
			       stamp(c, t, page, i, (__u32)have) : 0;
			if (have == want)
				continue;
			complain(c, t, page, i, want, have, "astray");
			bad++;
		}
	return bad;
}

/* Pages of the owner are zero from now on. */
void model_forget(struct chunk *c, long first, long pages)
{
	long i;
	int t;

	for (i = first; i < first + pages; i++) {
		for (t = 0; t < MAX_THREADS && c->generation[t]; t++)
			c->generation[t][i] = 0;
		c->unsure[i] = false;
	}
}

/* Pages of the owner may become zero at any time, until written. */
void model_doubt(struct chunk *c, long first, long pages)
{
	long i;

	for (i = first; i < first + pages; i++)
		c->unsure[i] = true;
}

/* Flip a bit of a word of @thread, to test the checks themselves. */
void model_flip(struct chunk *c, int thread, long page)
{
	*word_at(c, page, stamp_word(thread, 1)) ^= 1ULL << 40;
}
