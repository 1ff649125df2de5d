/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the memory of the stress test should hold.
 *
 * Memory consists of chunks. Some pages of a chunk belong to one thread, the
 * others to all; either way a word has one writer, who knows what it wrote there
 * last: a stamp that tells chunk, page, word, writer and generation. So a write
 * that got lost is found by its writer, and one that went astray by anybody.
 */
#ifndef _MOF_MODEL_H
#define _MOF_MODEL_H

#include <pthread.h>

#include "util.h"

#define MAX_THREADS	16
#define STAMPS		4L	/* in each page of each thread */

enum chunk_kind {
	CHUNK_BASE,		/* private anonymous memory, base pages */
	CHUNK_HUGE,		/* the same, of THPs and other large folios */
	CHUNK_SHMEM,		/* shared memory */
	NR_CHUNK_KINDS
};

/**
 * struct chunk - a piece of memory
 * @a:		where it is
 * @id:		its number, at most 255
 * @kind:	what it consists of
 * @fd:		file of shared memory, else -1
 * @owner:	the only thread that writes here, or -1 for all threads
 * @forked:	children have it, too; else its pages are never shared
 * @moving:	held for reading by all who look at @a, for writing by who moves it
 * @generation:	what was written last, by thread and page; 0: nothing, it is zero
 * @unsure:	lazily freed: it may be zero by now
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
