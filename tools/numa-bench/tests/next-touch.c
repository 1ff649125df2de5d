// SPDX-License-Identifier: GPL-2.0
/*
 * Tests numa_next_touch.h against its man page, and prints TAP. If the two tests
 * for kernel support disagree, that is a failure, not SKIP.
 *
 * With arguments, starts threads in the given ways, for tests of libnext-touch.so.
 * Status 0; 77 if a way is not available; 1.
 */
#include <aio.h>
#include <fcntl.h>
#include <mqueue.h>
#include <numa.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>
#include <time.h>

#include "numa_next_touch.h"

#define SKIP	77
#define PAGES	256L
#define SLAB	2L	/* pages of a slab, and between two slabs */
#define LATE	31L	/* may be in the LRU batch of another CPU */

static int tests, failed;
static long bytes;	/* of PAGES */
static int first = -1, second = -1;	/* nodes with CPUs and memory */

static void result(bool good, const char *name)
{
	failed += !good;
	printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
}

static void skip(const char *name, const char *why)
{
	printf("ok %d - %s # SKIP %s\n", ++tests, name, why);
}

static void find_nodes(void)
{
	struct bitmask *cpus = numa_allocate_cpumask();

	for (int node = 0; node <= numa_max_node(); node++) {
		if (!numa_bitmask_isbitset(numa_get_mems_allowed(), node) ||
		    numa_node_to_cpus(node, cpus) || !numa_bitmask_weight(cpus))
			continue;
		if (first < 0)
			first = node;
		else if (second < 0)
			second = node;
	}
	numa_free_cpumask(cpus);
}

static char *map(void)
{
	char *area = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (area == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	madvise(area, bytes, MADV_NOHUGEPAGE);
	return area;
}

/* The call by which other programs test for support */
static int other_test(void)
{
	char *page = map();
	long ret = mbind(page, numa_pagesize(), MPOL_PREFERRED, NULL, 0,
			 MPOL_MF_MOVE | MPOL_MF_LAZY);
	int err = ret ? errno : 0;

	munmap(page, bytes);
	return err;
}

static long on_node(char *area, int node)
{
	void *addr[PAGES];
	int status[PAGES];
	long found = 0;

	for (long i = 0; i < PAGES; i++)
		addr[i] = area + i * numa_pagesize();
	if (numa_move_pages(0, PAGES, addr, NULL, status, 0))
		return -1;
	for (long i = 0; i < PAGES; i++)
		found += status[i] == node;
	return found;
}

static int mode_of(void *addr)
{
	int mode = -1;

	return get_mempolicy(&mode, NULL, 0, addr, MPOL_F_ADDR) ? -1 : mode;
}

static void test_probes(void)
{
	int known, other, mode;
	char *area = map();

	numa_tonode_memory(area, bytes, first);
	memset(area, 1, bytes);
	mode = mode_of(area);
	errno = ERANGE;
	known = numa_next_touch_available();
	result(errno == ERANGE && mode_of(area) == mode && on_node(area, first) == PAGES,
	       "the test for support does not change errno, policies and pages");
	other = other_test();
	result(known ? !other : other == EINVAL,
	       "mbind() with MPOL_PREFERRED, no nodes, MPOL_MF_MOVE|MPOL_MF_LAZY agrees");
	munmap(area, bytes);
}

/* Number of VMAs, without allocating memory */
static long vmas(void)
{
	int fd = open("/proc/self/maps", O_RDONLY);
	static char text[4096];
	long lines = 0;
	ssize_t got;

	while ((got = read(fd, text, sizeof(text))) > 0)
		for (ssize_t i = 0; i < got; i++)
			lines += text[i] == '\n';
	close(fd);
	return got < 0 ? -1 : lines;
}

static void test_vmas(void)
{
	long slab = SLAB * numa_pagesize(), before, after;
	char *area = map();
	int err = 0;

	memset(area, 1, bytes);
	before = vmas();
	for (long at = 0; at < bytes; at += 2 * slab)
		err |= numa_next_touch(area + at, slab);
	after = vmas();
	printf("# %ld VMAs, %ld after %ld calls\n", before, after, PAGES / (2 * SLAB));
	result(!err && before > 0 && after == before,
	       "marking slabs of a VMA leaves the number of VMAs the same");
	munmap(area + slab, slab);
	result(!numa_next_touch(area, bytes), "a hole in the range is not an error");
	munmap(area, bytes);
	result(numa_next_touch(area, bytes) == -1 && errno == EFAULT,
	       "a range where nothing is mapped is EFAULT");
	result(numa_next_touch_populate(area, bytes) == -1 && errno == ENOMEM,
	       "populating a range where nothing is mapped is ENOMEM");
}

/* Address and length are not page aligned. */
static void test_move(void)
{
	char *area = map();
	bool same = true;

	numa_run_on_node(first);
	numa_tonode_memory(area, bytes, first);
	for (long i = 0; i < bytes; i++)
		area[i] = i % 251;
	result(on_node(area, first) == PAGES, "memory is on the first node");
	result(!numa_next_touch(area + 100, bytes - 200) && on_node(area, first) == PAGES,
	       "numa_next_touch() succeeds, and moves nothing");
	result(mode_of(area) == MPOL_DEFAULT, "the range has lost its own policy");
	numa_run_on_node(second);
	for (long i = 0; i < bytes; i++)
		same &= area[i] == (char)(i % 251);
	printf("# %ld of %ld pages on node %d\n", on_node(area, second), PAGES, second);
	result(on_node(area, second) >= PAGES - LATE,
	       "a touch from the second node moves it there");
	result(same, "contents are the same");
	munmap(area, bytes);
}

/* The thread runs on the first node and prefers the second. */
static void test_thread_policy(void)
{
	char *area = map();
	int err;

	numa_run_on_node(first);
	memset(area, 1, bytes);
	err = numa_next_touch(area, bytes);
	numa_set_preferred(second);
	memset(area, 2, bytes);
	result(!err && on_node(area, second) >= PAGES - LATE,
	       "the policy of the touching thread decides where pages go");
	err = mbind(area, bytes, MPOL_LOCAL, NULL, 0, MPOL_MF_MOVE | MPOL_MF_LAZY);
	memset(area, 3, bytes);
	result(!err && on_node(area, first) >= PAGES - LATE,
	       "with MPOL_LOCAL, pages go to the node of the thread");
	set_mempolicy(MPOL_DEFAULT, NULL, 0);
	munmap(area, bytes);
}

/* A file with clean, unmapped page cache on the first node */
static FILE *cached_file(void)
{
	char *text = calloc(1, bytes);
	FILE *file = tmpfile();

	numa_run_on_node(first);
	if (!text || !file || fwrite(text, 1, bytes, file) != (size_t)bytes ||
	    fflush(file) || fsync(fileno(file))) {
		perror("tmpfile");
		exit(1);
	}
	free(text);
	return file;
}

/* Pages on the second node after a touch from there */
static long moved_of_file(int (*mark)(void *addr, size_t len))
{
	long zeros = 0, moved;
	FILE *file = cached_file();
	char *area = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fileno(file), 0);

	fclose(file);
	if (area == MAP_FAILED || mark(area, bytes))
		return -1;
	numa_run_on_node(second);
	for (long i = 0; i < bytes; i++)
		zeros += !area[i];
	moved = zeros == bytes ? on_node(area, second) : -1;
	munmap(area, bytes);
	return moved;
}

static void test_file(void)
{
	long moved = moved_of_file(numa_next_touch);

	printf("# %ld of %ld pages moved unmapped\n", moved, PAGES);
	result(!moved, "cached pages of a file that are not mapped stay");
	moved = moved_of_file(numa_next_touch_populate);
	printf("# %ld of %ld pages moved populated\n", moved, PAGES);
	result(moved >= PAGES - LATE, "after numa_next_touch_populate() they migrate");
}

static void test_absent(void)
{
	unsigned char mapped[PAGES];
	char *area = map();

	result(numa_next_touch(area, bytes) == -1 && errno == EOPNOTSUPP,
	       "without kernel support, errno is EOPNOTSUPP");
	result(mode_of(area) == MPOL_DEFAULT, "without kernel support, the policy is unchanged");
	result(numa_next_touch_populate(area, bytes) == -1 &&
	       errno == EOPNOTSUPP && !mincore(area, bytes, mapped) &&
	       !memchr(mapped, 1, PAGES),
	       "without kernel support, numa_next_touch_populate() maps nothing");
	munmap(area, bytes);
}

/* Posted by functions on a new thread */
static sem_t ran;

static void *pthread_work(void *arg)
{
	sem_post(&ran);
	return arg;
}

static int c11_work(void *arg)
{
	return sem_post(&ran);
}

static void notified(union sigval value)
{
	sem_post(&ran);
}

static int start_pthread(void)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, pthread_work, NULL) || sem_wait(&ran);
}

static int start_thrd(void)
{
	thrd_t thread;

	return thrd_create(&thread, c11_work, NULL) != thrd_success || sem_wait(&ran);
}

static int start_timer(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD };
	struct itimerspec soon = { .it_value.tv_nsec = 1 };
	timer_t timer;

	event.sigev_notify_function = notified;
	return timer_create(CLOCK_MONOTONIC, &event, &timer) ||
	       timer_settime(timer, 0, &soon, NULL) || sem_wait(&ran);
}

static int start_no_thread(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_NONE };
	timer_t timer;

	return timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_delete(timer);
}

static int start_mq(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD };
	char name[32];
	mqd_t queue;

	snprintf(name, sizeof(name), "/next-touch-%d", getpid());
	queue = mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, NULL);
	if (queue == (mqd_t)-1)
		return SKIP;
	mq_unlink(name);
	event.sigev_notify_function = notified;
	return mq_notify(queue, &event) || mq_send(queue, "", 0, 0) || sem_wait(&ran);
}

static int start_aio(void)
{
	static char text[64];
	struct aiocb request = { .aio_buf = text, .aio_nbytes = sizeof(text) };
	const struct aiocb *const requests[] = { &request };

	request.aio_fildes = open("/dev/zero", O_RDONLY);
	return aio_read(&request) || aio_suspend(requests, 1, NULL) ||
	       aio_return(&request) != sizeof(text);
}

static const struct way {
	const char *name;
	int (*start)(void);
} ways[] = {
	{ "pthread_create", start_pthread },
	{ "thrd_create", start_thrd },
	{ "timer_create", start_timer },
	{ "timer_create-none", start_no_thread },
	{ "mq_notify", start_mq },
	{ "aio_read", start_aio },
};

static int start(const char *name)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (!strcmp(ways[i].name, name))
			return ways[i].start();
	fprintf(stderr, "next-touch: no such way: %s\n", name);
	return 2;
}

static int start_all(char **names)
{
	int status = sem_init(&ran, 0, 0);

	if (numa_next_touch_available())
		puts("available");
	while (*names && !status)
		status = start(*names++);
	return status;
}

int main(int argc, char **argv)
{
	bytes = PAGES * numa_pagesize();
	if (argc > 1)
		return start_all(argv + 1);
	if (numa_available() < 0) {
		skip("next touch", "kernel without NUMA");
	} else {
		find_nodes();
		test_probes();
		if (numa_next_touch_available())
			test_vmas();
		else
			test_absent();
		if (!numa_next_touch_available() || second < 0) {
			skip("pages move", "needs next touch, and two nodes with CPUs");
		} else {
			test_move();
			test_thread_policy();
			test_file();
		}
	}
	printf("1..%d\n", tests);
	return failed > 0;
}
