// SPDX-License-Identifier: GPL-2.0
/*
 * The fuzzer: sysctls. There is one of each, while several programs run: what
 * is expected of places must not depend on what others write there.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "fuzz.h"

/*
 * One at a time: without JUMP_LABEL the kernel warns if somebody enables a
 * static key just where another disables it. Who is killed lets the file go.
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

/* Write what the call chooses; @want is what that should return. */
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

/* Have sysctls as they were before the program, if that wrote to one. */
void fuzz_sysctls_back(struct fuzz_world *w)
{
	if (!w->me->sysctls)
		return;
	w->me->sysctls = false;
	write_balancing(w->all, 0);
	write_long(WINDOW, w->window);
}

/**
 * fuzz_unbalanced_since() - has nothing but this program moved its pages?
 * @r:		the program
 * @since:	negative at first; then it is the time since when to ask
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
