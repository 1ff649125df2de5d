// SPDX-License-Identifier: GPL-2.0
/*
 * libnext-touch.so: next touch for programs that cannot be rebuilt; see
 * libnext-touch(7). A preloaded library, as mbind(2) is only for memory of the
 * process that calls it.
 *
 * Also called in a signal's handler: nothing here may allocate or lock.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "numa_next_touch.h"

#define SIGNAL_NAME	"NEXT_TOUCH_SIGNAL"
#define VERBOSE_NAME	"NEXT_TOUCH_VERBOSE"

static bool verbose;

struct marked {
	unsigned long areas;
	unsigned long bytes;
};

/* As a system call: a program that is preloaded need not have libnuma. */
static long mark_default(unsigned long start, unsigned long bytes)
{
	return syscall(SYS_mbind, start, bytes, MPOL_DEFAULT, NULL, 0,
		       MPOL_MF_MOVE | MPOL_MF_LAZY);
}

static bool has_policy(unsigned long addr)
{
	int mode = -1;

	return syscall(SYS_get_mempolicy, &mode, NULL, 0, addr, MPOL_F_ADDR) ||
	       mode != MPOL_DEFAULT;
}

/*
 * Private writable memory without a file: "START-END rw-p OFFSET DEV 0 [NAME]".
 * What has a policy keeps it, and is left alone; so are stacks.
 */
static void mark_line(const char *line, struct marked *marked)
{
	unsigned long start, end;
	char *rest;

	start = strtoul(line, &rest, 16);
	if (*rest != '-')
		return;
	end = strtoul(rest + 1, &rest, 16);
	if (strncmp(rest, " rw-p ", 6) || !strstr(rest, " 00:00 0 ") ||
	    strstr(rest, "[stack") || has_policy(start))
		return;
	if (mark_default(start, end - start))
		return;
	marked->areas++;
	marked->bytes += end - start;
}

/* Take the lines that are complete; returns how many bytes are left over. */
static size_t mark_lines(char *text, size_t len, struct marked *marked)
{
	char *line = text, *end;

	while ((end = memchr(line, '\n', text + len - line))) {
		*end = '\0';
		mark_line(line, marked);
		line = end + 1;
	}
	len -= line - text;
	memmove(text, line, len);
	return len;
}

static void tell(const struct marked *marked)
{
	char text[96];
	int len = snprintf(text, sizeof(text), "next-touch: %lu areas marked, %lu KiB\n",
			   marked->areas, marked->bytes >> 10);

	if (write(STDERR_FILENO, text, len) < 0)
		verbose = false;
}

static void mark_all(void)
{
	struct marked marked = { 0 };
	int saved = errno, fd;
	char text[4096 + 256];	/* a line, with a path */
	size_t have = 0;
	ssize_t got;

	fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && have < sizeof(text) &&
	       (got = read(fd, text + have, sizeof(text) - have)) > 0)
		have = mark_lines(text, have + got, &marked);
	if (fd >= 0)
		close(fd);
	if (verbose)
		tell(&marked);
	errno = saved;
}

static void asked(int signal_number)
{
	mark_all();
}

/* "USR1", or a number. */
static int signal_number(const char *name)
{
	if (!strcmp(name, "USR1"))
		return SIGUSR1;
	return strcmp(name, "USR2") ? atoi(name) : SIGUSR2;
}

__attribute__((constructor)) static void start(void)
{
	struct sigaction action = { .sa_handler = asked, .sa_flags = SA_RESTART };
	const char *name = getenv(SIGNAL_NAME);

	verbose = getenv(VERBOSE_NAME);
	if (name && sigaction(signal_number(name), &action, NULL))
		fprintf(stderr, "next-touch: %s=%s: %s\n", SIGNAL_NAME, name,
			strerror(errno));
}

/*
 * thrd_create(), SIGEV_THREAD and aio_read() start threads with glibc's internal
 * pthread_create(), which a preloaded one does not replace. The first two run
 * functions of the program, so they are wrapped as well. Asynchronous I/O is not: it
 * reads the data that threads started later will share, and would use up their mark.
 */
#define NEXT(function, failure, ...) ({						\
	__typeof__(function) *next = dlsym(RTLD_NEXT, #function);		\
										\
	next ? next(__VA_ARGS__) : (failure);					\
})

static pthread_once_t started = PTHREAD_ONCE_INIT;
static pthread_once_t notified = PTHREAD_ONCE_INIT;

static void nothing(void)
{
}

/* A program begins to share its data when it starts its first thread. */
static void before_thread(void)
{
	pthread_once(&started, mark_all);
	pthread_once(&notified, nothing);
}

/*
 * A notification marks for itself, and only before the first thread: a timer set at
 * startup must not use up the mark of threads that are started once the data exist.
 */
static void before_notification(const struct sigevent *event)
{
	if (event && event->sigev_notify == SIGEV_THREAD)
		pthread_once(&notified, mark_all);
}

static int unsupported(void)
{
	errno = ENOTSUP;
	return -1;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attr,
		   void *(*work)(void *), void *arg)
{
	before_thread();
	return NEXT(pthread_create, EAGAIN, thread, attr, work, arg);
}

int thrd_create(thrd_t *thread, thrd_start_t work, void *arg)
{
	before_thread();
	return NEXT(thrd_create, thrd_error, thread, work, arg);
}

int timer_create(clockid_t clock, struct sigevent *event, timer_t *timer)
{
	before_notification(event);
	return NEXT(timer_create, unsupported(), clock, event, timer);
}

int mq_notify(mqd_t queue, const struct sigevent *event)
{
	before_notification(event);
	return NEXT(mq_notify, unsupported(), queue, event);
}
