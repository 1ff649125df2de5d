/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Model of the memory of the stress test.
 *
 * Memory consists of chunks. Some pages of a chunk belong to one thread, others
 * to all threads; in both cases each word has a single writer, which remembers
 * its last write: a stamp of chunk, page, word, writer and generation. So a
 * lost write is found by its writer, and a stray write by any thread.
 */
#ifndef _MOF_MODEL_H
#define _MOF_MODEL_H

#include <pthread.h>

#include "util.h"

#define MAX_THREADS	16
#define STAMPS		4L	/* in each page of each thread */

enum chunk_kind {
	CHUNK_BASE,		/* private anonymous memory, base pages */
	CHUNK_HUGE,		/* private anonymous memory, THPs and other large folios */
	CHUNK_SHMEM,		/* shared memory */
	NR_CHUNK_KINDS
};

/**
 * struct chunk - a piece of memory
 * @a:		its pages
 * @id:		its number, at most 255
 * @kind:	kind of memory
 * @fd:		file of shared memory, else -1
 * @owner:	the only thread that writes here, or -1 for all threads
 * @forked:	inherited by children; else its pages are never shared
 * @moving:	held for reading to access @a, for writing to move it
 * @generation:	last written generation by thread and page; 0: zero
 * @unsure:	lazily freed, so it may be zero already
 */
struct chunk {
	struct area a;
	int id;
	enum chunk_kind kind;
	int fd;
	int owner;
	bool forked;
	pthread_rwlock_t moving;
	__u32 *generation[MAX_THREADS];
	bool *unsure;
};

int chunk_new(struct chunk *c, int threads);
int chunk_map(struct chunk *c, void *where);
bool chunk_written_by(const struct chunk *c, int thread);

void model_write(struct chunk *c, int thread, long page);
long model_check(struct chunk *c, int thread, long page);
long model_look(const struct chunk *c, long page);
void model_forget(struct chunk *c, long first, long pages);
void model_doubt(struct chunk *c, long first, long pages);
void model_flip(struct chunk *c, int thread, long page);
long model_errors(void);
void model_blame(void);

#endif /* _MOF_MODEL_H */
