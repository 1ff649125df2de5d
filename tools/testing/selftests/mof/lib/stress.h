/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The stress test: what its threads share.
 */
#ifndef _MOF_STRESS_H
#define _MOF_STRESS_H

#include <sched.h>

#include "model.h"

#define MAX_CHUNKS	(NR_CHUNK_KINDS * (MAX_THREADS + 2))
#define MAX_NODES	16

/**
 * struct stress - all of it
 * @threads:	number of threads
 * @nodes:	number of nodes that have CPUs
 * @cpus:	the CPUs of each of them
 * @memory:	mask of the nodes that have memory
 * @chunks:	number of chunks
 * @chunk:	the chunks
 * @stop:	set when threads are to end
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
 * @thread:	its handle
 * @s:		what it works on
 * @id:		its number, from 0 on
 * @random:	state of its random numbers
 * @done:	operations done
 * @verified:	bytes compared with the model
 */
struct worker {
	pthread_t thread;
	struct stress *s;
	int id;
	__u64 random;
	long done;
	long verified;
};

void worker_step(struct worker *w);

#endif /* _MOF_STRESS_H */
