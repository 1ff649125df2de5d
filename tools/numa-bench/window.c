// SPDX-License-Identifier: GPL-2.0
/*
 * The sysctl vm.mof_window_pages: how many pages a fault may migrate. What was
 * set before us is set again at the end, whichever way that comes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "numa-bench.h"

#define WINDOW	"/proc/sys/vm/mof_window_pages"

static int sysctl_fd = -1;
static char before[16];		/* as read: "64\n" */
static int set_now;

/* Pages, or WINDOW_NONE on a kernel without windows */
int window_get(void)
{
	char line[16];

	read_line(WINDOW, line, sizeof(line));
	return *line ? atoi(line) : WINDOW_NONE;
}

static int write_setting(const char *value)
{
	ssize_t len = (ssize_t)strlen(value);

	return pwrite(sysctl_fd, value, len, 0) == len ? 0 : -1;
}

static int cannot_set(void)
{
	fprintf(stderr,
		"numa-bench: --window: cannot set vm.mof_window_pages: %m; run as root, or with `--window default'\n");
	return NB_SKIP;
}

/* Finds out now, not after minutes, whether windows can be set. */
int window_setup(void)
{
	if (window_get() == WINDOW_NONE)
		return NB_OK;	/* the rows say so */
	sysctl_fd = open(WINDOW, O_RDWR | O_CLOEXEC);
	if (sysctl_fd < 0)
		return cannot_set();
	if (pread(sysctl_fd, before, sizeof(before) - 1, 0) <= 0 ||
	    write_setting(before)) {
		close(sysctl_fd);
		sysctl_fd = -1;
		return cannot_set();
	}
	set_now = atoi(before);
	atexit(window_restore);
	return NB_OK;
}

int window_set(int pages)
{
	char value[16];

	if (sysctl_fd < 0 || pages == set_now)
		return 0;
	snprintf(value, sizeof(value), "%d\n", pages);
	if (write_setting(value)) {
		cannot_set();
		return -1;
	}
	set_now = pages;
	return 0;
}

/* Also called by a signal handler: no stdio here. */
void window_restore(void)
{
	int err = errno;

	if (sysctl_fd >= 0 && !write_setting(before))
		set_now = atoi(before);
	errno = err;
}
