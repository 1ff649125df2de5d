/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Helpers for tests of privileges and bounds: dropping privileges, large
 * address spaces, and the kernel's memory for them.
 */
#ifndef _MOF_SECURITY_H
#define _MOF_SECURITY_H

#include "util.h"

#define NOBODY		65534

#define MAX_MAP_COUNT	"/proc/sys/vm/max_map_count"

int become_nobody(void);
pid_t start_child(void (*run)(void *), void *arg);
int end_child(pid_t pid);

double now_ms(void);

int map_reserved(struct area *a, long pages);

/**
 * struct mapper - a thread that maps and unmaps a page in a loop
 * @node:	where it runs
 * @worst:	longest pair of calls so far, in ms
 * @rounds:	number of pairs so far
 */
struct mapper {
	int node;
	double worst;
	long rounds;
	pthread_t thread;
	bool stop;
};

int mapper_start(struct mapper *m);
void mapper_stop(struct mapper *m);

#endif /* _MOF_SECURITY_H */
