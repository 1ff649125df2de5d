// SPDX-License-Identifier: GPL-2.0
/*
 * Settings of the machine: read for reports, and set for measurements. A setting
 * is restored when the program ends, also by a signal.
 *
 * Also clocks, signals, and progress on a terminal.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "numa-bench.h"

#define MAX_KNOBS	32

static struct knob *opened[MAX_KNOBS];
static unsigned int nr_opened;

/* For knobs whose values are words */
int knob_write(const struct knob *knob, const char *text)
{
	ssize_t len = (ssize_t)strlen(text);

	return pwrite(knob->fd, text, len, 0) == len ? 0 : -1;
}

/* The value, or -1 if the kernel has no such sysctl */
int knob_get(const struct knob *knob)
{
	char line[16];

	read_line(knob->path, line, sizeof(line));
	return *line ? atoi(line) : -1;
}

/* Reduces "always [madvise] never" to the word in brackets, if there is one. */
char *knob_word(char *text)
{
	char *begin = strchr(text, '['), *end = begin ? strchr(begin, ']') : NULL;

	if (end) {
		*end = '\0';
		memmove(text, begin + 1, (size_t)(end - begin));
	}
	return text;
}

/* Tests write permission by writing the current value. */
int knob_open(struct knob *knob)
{
	ssize_t len;
	int err;

	knob->fd = open(knob->path, O_RDWR | O_CLOEXEC);
	if (knob->fd < 0)
		return -1;
	len = pread(knob->fd, knob->before, sizeof(knob->before) - 1, 0);
	knob->before[len > 0 ? len : 0] = '\0';
	if (len <= 0 || knob_write(knob, knob_word(knob->before)) ||
	    nr_opened == MAX_KNOBS) {
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

/* Does nothing for a knob that is not open. */
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

/* Async-signal-safe: also called by a signal handler */
void knobs_restore(void)
{
	int err = errno;

	for (unsigned int i = 0; i < nr_opened; i++)
		if (!knob_write(opened[i], opened[i]->before))
			opened[i]->now = atoi(opened[i]->before);
	errno = err;
}

static struct knob window = {
	.path = "/proc/sys/vm/mof_window_pages", .fd = -1,
};

/* Pages, or WINDOW_NONE if the kernel has no windows */
int window_get(void)
{
	return knob_get(&window);
}

static int cannot_set(void)
{
	fprintf(stderr,
		"numa-bench: --window: cannot set vm.mof_window_pages: %m; run as root, or with `--window default'\n");
	return NB_SKIP;
}

/* Tests before measuring whether windows can be set. */
int window_setup(void)
{
	if (window_get() == WINDOW_NONE)
		return NB_OK;	/* reported in the table */
	return knob_open(&window) ? cannot_set() : NB_OK;
}

int window_set(int pages)
{
	if (!knob_set(&window, pages))
		return 0;
	cannot_set();
	return -1;
}

#define THP	"/sys/kernel/mm/transparent_hugepage/"

const struct setting settings[] = {
	{ "kernel.numa_balancing", "/proc/sys/kernel/numa_balancing" },
	{ "vm.mof_window_pages", "/proc/sys/vm/mof_window_pages" },
	{ "vm.zone_reclaim_mode", "/proc/sys/vm/zone_reclaim_mode" },
	{ "thp_enabled", THP "enabled" },
	{ "thp_defrag", THP "defrag" },
	{ "thp_size_bytes", THP "hpage_pmd_size" },
	{ "ksm_run", "/sys/kernel/mm/ksm/run" },
	{ "demotion_enabled", "/sys/kernel/mm/numa/demotion_enabled" },
	{ "clocksource",
	  "/sys/devices/system/clocksource/clocksource0/current_clocksource" },
};

const size_t nr_settings = ARRAY_SIZE(settings);

const char *read_line(const char *path, char *buf, size_t len)
{
	FILE *file = fopen(path, "r");

	*buf = '\0';
	if (!file)
		return buf;
	if (fgets(buf, (int)len, file))
		buf[strcspn(buf, "\n")] = '\0';
	fclose(file);
	return buf;
}

/* Field of the first CPU; its flags (erms, fsrm) select how the kernel copies. */
const char *cpu_field(const char *field, char *buf, size_t len)
{
	FILE *file = fopen("/proc/cpuinfo", "r");
	const char *val = NULL;

	while (file && !val && fgets(buf, (int)len, file)) {
		buf[strcspn(buf, "\n")] = '\0';
		if (!strncmp(buf, field, strlen(field)) && strstr(buf, ": "))
			val = strstr(buf, ": ") + 2;
	}
	if (file)
		fclose(file);
	return val ? val : "";
}

static atomic_bool stop;
static void (*clean_up)(void);

/* The first signal ends the run after the current sample, the second at once. */
static void on_signal(int sig)
{
	if (stop) {
		if (clean_up)
			clean_up();
		knobs_restore();
		signal(sig, SIG_DFL);
		raise(sig);
	}
	stop = true;
}

/* @last: called before the second signal kills this process; may be NULL */
void interrupt_setup(void (*last)(void))
{
	struct sigaction act = {
		.sa_handler = on_signal, .sa_flags = SA_RESTART,
	}, old;

	clean_up = last;
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	/* nohup(1) sets SIG_IGN. */
	if (!sigaction(SIGHUP, NULL, &old) && old.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &act, NULL);
}

bool interrupted(void)
{
	return stop;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

uint64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t thread_cpu_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

void sleep_until(uint64_t ns)
{
	struct timespec ts = {
		.tv_sec = (time_t)(ns / 1000000000),
		.tv_nsec = (long)(ns % 1000000000),
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR &&
	       !interrupted())
		;
}

void progress_show(size_t now, size_t all, const char *name,
		   enum page_kind kind, const char *more)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K[%zu/%zu] %s, %s pages, %s", now, all,
			name, page_kind_names[kind], more);
}

void progress_clear(void)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
}
