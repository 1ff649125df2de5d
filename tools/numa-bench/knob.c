// SPDX-License-Identifier: GPL-2.0
/*
 * Sysctls that a measurement sets. What was set before us is set again at the
 * end, whichever way that comes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "numa-bench.h"

#define MAX_KNOBS	4

static struct knob *opened[MAX_KNOBS];
static unsigned int nr_opened;

static int write_text(const struct knob *knob, const char *text)
{
	ssize_t len = (ssize_t)strlen(text);

	return pwrite(knob->fd, text, len, 0) == len ? 0 : -1;
}

/* The value, or -1 where the kernel has no such sysctl */
int knob_get(const struct knob *knob)
{
	char line[16];

	read_line(knob->path, line, sizeof(line));
	return *line ? atoi(line) : -1;
}

/* Writes what is set already, to find out now whether that is allowed. */
int knob_open(struct knob *knob)
{
	int err;

	knob->fd = open(knob->path, O_RDWR | O_CLOEXEC);
	if (knob->fd < 0)
		return -1;
	if (pread(knob->fd, knob->before, sizeof(knob->before) - 1, 0) <= 0 ||
	    write_text(knob, knob->before) || nr_opened == MAX_KNOBS) {
		err = errno;
		close(knob->fd);
		knob->fd = -1;
		errno = err;
		return -1;
	}
	knob->now = atoi(knob->before);
	if (!nr_opened)
		atexit(knobs_restore);
	opened[nr_opened++] = knob;
	return 0;
}

/* Nothing to do for a knob that was not opened */
int knob_set(struct knob *knob, int value)
{
	char text[16];

	if (knob->fd < 0 || value == knob->now)
		return 0;
	snprintf(text, sizeof(text), "%d\n", value);
	if (write_text(knob, text))
		return -1;
	knob->now = value;
	return 0;
}

/* Also called by a signal handler: no stdio here. */
void knobs_restore(void)
{
	int err = errno;

	for (unsigned int i = 0; i < nr_opened; i++)
		if (!write_text(opened[i], opened[i]->before))
			opened[i]->now = atoi(opened[i]->before);
	errno = err;
}
