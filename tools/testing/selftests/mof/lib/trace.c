// SPDX-License-Identifier: GPL-2.0
/*
 * Probes on kernel functions, as kprobe events in a separate trace instance.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trace.h"

#define TRACING		"/sys/kernel/tracing/"
#define PROBES		TRACING "kprobe_events"
#define GROUP		"mof_test"
#define INSTANCE	TRACING "instances/" GROUP "/"
#define EVENTS		INSTANCE "events/" GROUP "/"
#define WRITTEN		"# entries-in-buffer/entries-written: "

static const struct probe *added;
static int nr_added;

/**
 * probes_add() - add probes, not recording yet
 * @probes: the probes; must stay valid until probes_remove()
 * @nr: number of probes
 *
 * Call probes_remove() in the end, also after failure.
 *
 * Return: NULL, or why the functions cannot be probed.
 */
const char *probes_add(const struct probe *probes, int nr)
{
	char text[160];
	int i;

	if (access(PROBES, W_OK))
		return "kernel without CONFIG_KPROBE_EVENTS, or no tracefs";
	/* Remove probes that a killed test has left behind. */
	probes_remove();
	for (i = 0; i < nr; i++) {
		snprintf(text, sizeof(text), "p:" GROUP "/%s %s", probes[i].name,
			 probes[i].what);
		if (write_text(PROBES, text))
			return "kernel without one of the functions to probe";
	}
	/* The thread may change CPUs, and its calls must stay in order. */
	if (mkdir(INSTANCE, 0700) || write_text(INSTANCE "trace_clock", "global"))
		return "cannot create a trace instance";
	added = probes;
	nr_added = nr;
	return NULL;
}

void probes_remove(void)
{
	if (!access(INSTANCE, F_OK)) {
		write_text(EVENTS "enable", "0");
		rmdir(INSTANCE);
	}
	if (!access(PROBES, W_OK))
		write_text(PROBES, "-:" GROUP "/");
}

/* Opening the buffer for writing with O_TRUNC empties it. */
static int clear_buffer(void)
{
	int fd = open(INSTANCE "trace", O_WRONLY | O_TRUNC);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/**
 * probes_start() - start recording the calls of one thread
 * @tid: the thread
 *
 * Return: 0, or a negative errno.
 */
int probes_start(pid_t tid)
{
	char filter[32];

	snprintf(filter, sizeof(filter), "common_pid == %d", tid);
	return write_text(EVENTS "filter", filter) ? : clear_buffer() ? :
	       write_text(EVENTS "enable", "1") ? :
	       write_text(INSTANCE "tracing_on", "1");
}

static bool parse_hit(const char *line, struct hit *hit)
{
	static const char * const keys[PROBE_VALUES] = { " v0=", " v1=" };
	const char *event = NULL, *value;
	char name[64];
	int i;

	*hit = (struct hit) { };
	for (i = 0; i < nr_added && !event; i++) {
		snprintf(name, sizeof(name), " %s: (", added[i].name);
		event = strstr(line, name);
		hit->probe = i;
	}
	for (i = 0; i < PROBE_VALUES && event; i++) {
		value = strstr(event, keys[i]);
		if (value)
			hit->value[i] = strtoul(value + strlen(keys[i]), NULL, 0);
	}
	return event;
}

/* Did the buffer overflow? The header has the number of written entries. */
static bool lost_hits(const char *line)
{
	long held, written;

	return !strncmp(line, WRITTEN, strlen(WRITTEN)) &&
	       sscanf(line + strlen(WRITTEN), "%ld/%ld", &held, &written) == 2 &&
	       held < written;
}

static long read_hits(FILE *f, struct hit **hits)
{
	long nr = 0, room = 0;
	struct hit hit, *all;
	char line[512];

	while (fgets(line, sizeof(line), f)) {
		if (lost_hits(line))
			return -EOVERFLOW;
		if (!parse_hit(line, &hit))
			continue;
		if (nr == room) {
			room = 2 * room + 64;
			all = realloc(*hits, room * sizeof(hit));
			if (!all)
				return -ENOMEM;
			*hits = all;
		}
		(*hits)[nr++] = hit;
	}
	return nr;
}

/**
 * probes_stop() - stop recording
 * @hits: receives the calls since probes_start(), in order; free() it
 *
 * Return: number of calls, or a negative errno.
 */
long probes_stop(struct hit **hits)
{
	int err = write_text(INSTANCE "tracing_on", "0") ? :
		  write_text(EVENTS "enable", "0");
	long nr = err;
	FILE *f;

	*hits = NULL;
	f = err ? NULL : fopen(INSTANCE "trace", "r");
	if (f) {
		nr = read_hits(f, hits);
		fclose(f);
	} else if (!err) {
		nr = -errno;
	}
	return nr;
}
