// SPDX-License-Identifier: GPL-2.0
/*
 * libnext-touch.so: next touch for programs that cannot be rebuilt, see
 * libnext-touch(7). It is preloaded, since mbind(2) has no argument for another
 * process.
 *
 * mark_all() has to be async-signal-safe.
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
	unsigned long vmas;
	unsigned long bytes;
};

/* A system call, since the program may not be linked with libnuma */
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
 * Marks private writable memory without a file: "START-END rw-p OFFSET DEV 0
 * [NAME]". Stacks and VMAs with a policy are skipped.
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
	marked->vmas++;
	marked->bytes += end - start;
}

/* Handles complete lines, moves the rest to the front and returns its length. */
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
	int len = snprintf(text, sizeof(text), "next-touch: %lu VMAs marked, %lu KiB\n",
			   marked->vmas, marked->bytes >> 10);

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

static void on_signal(int signal_number)
{
	mark_all();
}

/* "USR1", "USR2" or a number */
static int signal_number(const char *name)
{
	if (!strcmp(name, "USR1"))
		return SIGUSR1;
	return strcmp(name, "USR2") ? atoi(name) : SIGUSR2;
}

__attribute__((constructor)) static void start(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	const char *name = getenv(SIGNAL_NAME);

	verbose = getenv(VERBOSE_NAME);
	if (name && sigaction(signal_number(name), &action, NULL))
		fprintf(stderr, "next-touch: %s=%s: %s\n", SIGNAL_NAME, name,
			strerror(errno));
}

/*
 * thrd_create(), SIGEV_THREAD and aio_read() start threads with glibc's internal
 * pthread_create(), which cannot be preloaded. The first two run functions of the
 * program and are wrapped as well. Asynchronous I/O is not: it reads data for
 * threads that are started later, and would consume their marks.
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

/* Data become shared when the first thread is started. */
static void before_thread(void)
{
	pthread_once(&started, mark_all);
	pthread_once(&notified, nothing);
}

/*
 * A notification marks separately, and only before the first thread: a timer set at
 * startup must not consume the marks for threads that are started later.
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
