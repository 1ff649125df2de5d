// SPDX-License-Identifier: GPL-2.0
/*
 * Hold points of the kernel, with CONFIG_MIGRATE_ON_FAULT_DEBUG: see
 * Documentation/mm/mof.rst.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "point.h"

#define POINTS		"/sys/kernel/debug/mof/points/"
#define HOLD_USECS	20000000	/* limit, in case of no release */
#define LOOKS		1000	/* polls of 10 milliseconds: less than HOLD_USECS */
#define STUCK		50	/* polls after which the thread waits for a held one */

static void point_path(char *path, size_t len, const char *point)
{
	snprintf(path, len, POINTS "%s", point);
}

bool have_points(void)
{
	return !access(POINTS, X_OK);
}

static int point_write(const char *point, long usecs, long times, pid_t pid)
{
	char path[96], text[48];

	point_path(path, sizeof(path), point);
	snprintf(text, sizeof(text), "%ld %ld %d", usecs, times, pid);
	return write_text(path, text);
}

/**
 * point_hold() - hold threads at a point, until point_release()
 * @point: its name
 * @pid: a thread, or all threads of this process
 * @times: number of threads; -1: all
 *
 * Return: 0, or a negative errno.
 */
int point_hold(const char *point, pid_t pid, long times)
{
	return point_write(point, HOLD_USECS, times, pid);
}

int point_release(const char *point)
{
	return point_write(point, 0, 0, 0);
}

/* The number after a word in the file of the point. */
static long point_number(const char *point, const char *word)
{
	char path[96], text[128] = "";
	long value = -EIO;
	const char *p;
	int fd;

	point_path(path, sizeof(path), point);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return -errno;
	if (read(fd, text, sizeof(text) - 1) > 0) {
		p = strstr(text, word);
		if (p)
			sscanf(p + strlen(word), "%ld", &value);
	}
	close(fd);
	return value;
}

/* Number of threads that are held there now. */
long point_waiting(const char *point)
{
	return point_number(point, "waiting");
}

/* Number of threads that have been held since point_hold(). */
long point_hits(const char *point)
{
	return point_number(point, "hits");
}

/* Wait until a thread is held there. */
bool point_reached(const char *point)
{
	int looks;

	for (looks = 0; looks < 10 * LOOKS && point_waiting(point) <= 0; looks++)
		usleep(1000);
	return point_waiting(point) > 0;
}

/* State of a thread, as in ps(1). */
static char thread_state(pid_t pid, pid_t tid)
{
	char path[64], text[128] = "";
	char *p;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return 'X';
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	p = strrchr(text, ')');
	return p && p[1] ? p[2] : 'X';
}

/* Does a thread sleep for more than a moment? */
bool thread_sleeps(pid_t pid, pid_t tid)
{
	int looks;
	char state;

	for (looks = 0; looks < 5; looks++) {
		state = thread_state(pid, tid);
		if (state != 'S' && state != 'D')
			return false;
		usleep(1000);
	}
	return true;
}

/* PID of a kernel thread; 0 if there is none of that name. */
pid_t kernel_thread(const char *name)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	char path[300], comm[32];
	pid_t pid = 0;
	FILE *f;

	while (proc && !pid && (entry = readdir(proc))) {
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		f = fopen(path, "r");
		if (!f)
			continue;
		if (fscanf(f, "%31s", comm) == 1 && !strcmp(comm, name))
			pid = atoi(entry->d_name);
		fclose(f);
	}
	if (proc)
		closedir(proc);
	return pid;
}

/**
 * kernel_thread_reaches() - wait for the progress of a kernel thread
 * @name: its name
 * @path: file with a counter of its work
 * @target: wait until the counter has reached this
 *
 * Return: 0, also if the thread itself waits for something, or -ETIMEDOUT.
 */
int kernel_thread_reaches(const char *name, const char *path, long target)
{
	pid_t pid = kernel_thread(name);
	int looks, stuck = 0;

	for (looks = 0; looks < LOOKS && stuck < STUCK; looks++) {
		if (read_long(path) >= target)
			return 0;
		stuck = thread_sleeps(pid, pid) ? stuck + 1 : 0;
		usleep(10000);
	}
	return stuck < STUCK ? -ETIMEDOUT : 0;
}
