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

#define MAX_KNOBS	32

static struct knob *opened[MAX_KNOBS];
static unsigned int nr_opened;

/* A word, for knobs that are no numbers */
int knob_write(const struct knob *knob, const char *text)
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

/* "always [madvise] never": what is set is in brackets. */
static void keep_chosen(char *text)
{
	char *begin = strchr(text, '['), *end = begin ? strchr(begin, ']') : NULL;

	if (!end)
		return;
	*end = '\0';
	memmove(text, begin + 1, (size_t)(end - begin));
}

static int read_before(struct knob *knob)
{
	ssize_t len = pread(knob->fd, knob->before, sizeof(knob->before) - 1, 0);

	if (len <= 0)
		return -1;
	knob->before[len] = '\0';
	keep_chosen(knob->before);
	return 0;
}

/* Writes what is set already, to find out now whether that is allowed. */
int knob_open(struct knob *knob)
{
	int err;

	knob->fd = open(knob->path, O_RDWR | O_CLOEXEC);
	if (knob->fd < 0)
		return -1;
	if (read_before(knob) || knob_write(knob, knob->before) || nr_opened == MAX_KNOBS) {
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
	if (knob_write(knob, text))
		return -1;
	knob->now = value;
	return 0;
}

/* Also called by a signal handler: no stdio here. */
void knobs_restore(void)
{
	int err = errno;

	for (unsigned int i = 0; i < nr_opened; i++)
		if (!knob_write(opened[i], opened[i]->before))
			opened[i]->now = atoi(opened[i]->before);
	errno = err;
}
