// SPDX-License-Identifier: GPL-2.0
/*
 * Dropping privileges, large address spaces, and the kernel's memory for them.
 */
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "security.h"

/* Drop all privileges for good, but keep access to our own files in /proc. */
int become_nobody(void)
{
	if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
	    setresuid(NOBODY, NOBODY, NOBODY) || prctl(PR_SET_DUMPABLE, 1))
		return -errno;
	return 0;
}

/* Start a child that calls a function, then sleeps; returns after the call. */
pid_t start_child(void (*run)(void *), void *arg)
{
	int ready[2];
	pid_t pid;
	char byte;

	if (pipe(ready))
		return -errno;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		run(arg);
		close(ready[1]);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1))
		pid = -EIO;
	close(ready[0]);
	return pid;
}

int end_child(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	return waitpid(pid, &status, 0) == pid ? 0 : -errno;
}

double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

/* Map base pages without reserving memory. */
int map_reserved(struct area *a, long pages)
{
	int err = area_map_file(a, pages, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);

	if (!err)
		madvise(a->base, area_bytes(a), MADV_NOHUGEPAGE);
	return err;
}

static void *mapper_run(void *arg)
{
	struct mapper *m = arg;
	double begin, took;
	void *p;

	run_on(m->node);
	while (!__atomic_load_n(&m->stop, __ATOMIC_RELAXED)) {
		begin = now_ms();
		p = mmap(NULL, page_size(), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
		munmap(p, page_size());
		took = now_ms() - begin;
		if (took > m->worst)
			m->worst = took;
		__atomic_add_fetch(&m->rounds, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

int mapper_start(struct mapper *m)
{
	int err = -pthread_create(&m->thread, NULL, mapper_run, m);

	while (!err && !__atomic_load_n(&m->rounds, __ATOMIC_RELAXED))
		usleep(1000);
	return err;
}

void mapper_stop(struct mapper *m)
{
	__atomic_store_n(&m->stop, true, __ATOMIC_RELAXED);
	pthread_join(m->thread, NULL);
}
