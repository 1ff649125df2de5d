// SPDX-License-Identifier: GPL-2.0
/*
 * Events of the CPU and of the kernel, where they are there and allowed. They
 * are only opened when asked for: counting makes faults and switches cost more.
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "perf.h"

#define NODE_READS(result) \
	(PERF_COUNT_HW_CACHE_NODE | (PERF_COUNT_HW_CACHE_OP_READ << 8) | \
	 (PERF_COUNT_HW_CACHE_RESULT_##result << 16))

enum { FAULTS, SWITCHES, CYCLES, INSTRUCTIONS, NODE_LOADS, NODE_MISSES };

static const struct {
	const char *name;
	const char *user_name;	/* where the kernel's part is not allowed */
	uint32_t type;
	uint64_t config;
} events[NB_MAX_EVENTS] = {
	[FAULTS] = { "page-faults", "page-faults:u", PERF_TYPE_SOFTWARE,
		     PERF_COUNT_SW_PAGE_FAULTS },
	[SWITCHES] = { "context-switches", "context-switches:u",
		       PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES },
	[CYCLES] = { "cycles", "cycles:u", PERF_TYPE_HARDWARE,
		     PERF_COUNT_HW_CPU_CYCLES },
	[INSTRUCTIONS] = { "instructions", "instructions:u", PERF_TYPE_HARDWARE,
			   PERF_COUNT_HW_INSTRUCTIONS },
	[NODE_LOADS] = { "node-loads", "node-loads:u", PERF_TYPE_HW_CACHE,
			 NODE_READS(ACCESS) },
	[NODE_MISSES] = { "node-load-misses", "node-load-misses:u",
			  PERF_TYPE_HW_CACHE, NODE_READS(MISS) },
};

static int fds[NB_MAX_EVENTS] = { -1, -1, -1, -1, -1, -1 };
static const char *names[NB_MAX_EVENTS];

static int open_event(unsigned int event, int user_only)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr), .type = events[event].type,
		.config = events[event].config, .inherit = 1,
		.exclude_kernel = user_only, .exclude_hv = 1,
		.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED |
			       PERF_FORMAT_TOTAL_TIME_RUNNING,
	};

	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1,
			    PERF_FLAG_FD_CLOEXEC);
}

static const char *reason(void)
{
	switch (errno) {
	case EACCES:
	case EPERM:
		return "refused (kernel.perf_event_paranoid, or a container's seccomp profile)";
	case EMFILE:
	case ENFILE:
		return "too many open files";
	}
	return "this machine or kernel has no such event";
}

/* Says what cannot be counted, and goes on without it. */
void perf_setup(void)
{
	for (unsigned int i = 0; i < NB_MAX_EVENTS; i++) {
		names[i] = events[i].name;
		fds[i] = open_event(i, 0);
		if (fds[i] < 0 && (errno == EACCES || errno == EPERM)) {
			names[i] = events[i].user_name;
			fds[i] = open_event(i, 1);
		}
		if (fds[i] < 0)
			fprintf(stderr, "numa-bench: --perf: %s not counted: %s\n",
				events[i].name, reason());
	}
}

const char *perf_name(unsigned int event)
{
	return fds[event] < 0 ? NULL : names[event];
}

/* Threads that ended have added theirs; those that live are read, too. */
static struct perf_count read_event(unsigned int event)
{
	struct perf_count count = { 0 };

	if (fds[event] >= 0 &&
	    read(fds[event], &count, sizeof(count)) != (ssize_t)sizeof(count))
		memset(&count, 0, sizeof(count));
	return count;
}

void perf_start(struct perf_count *counts)
{
	for (unsigned int i = 0; i < NB_MAX_EVENTS; i++)
		counts[i] = read_event(i);
}

/* Scaled up where events took turns on the CPU's counters */
void perf_stop(struct perf_count *counts)
{
	for (unsigned int i = 0; i < NB_MAX_EVENTS; i++) {
		struct perf_count now = read_event(i), *c = &counts[i];

		c->value = now.value - c->value;
		c->enabled_ns = now.enabled_ns - c->enabled_ns;
		c->running_ns = now.running_ns - c->running_ns;
		if (c->running_ns && c->running_ns < c->enabled_ns)
			c->value = (uint64_t)((double)c->value *
					      (double)c->enabled_ns /
					      (double)c->running_ns);
	}
}

static const char *missing(unsigned int event, int user_only)
{
	int fd = open_event(event, user_only);

	if (fd < 0)
		return reason();
	close(fd);
	return NULL;
}

const char *perf_missing_software(void)
{
	return missing(FAULTS, 1);
}

const char *perf_missing_cycles(void)
{
	return missing(CYCLES, 1);
}

const char *perf_missing_nodes(void)
{
	return missing(NODE_LOADS, 1);
}

const char *perf_missing_kernel(void)
{
	return missing(FAULTS, 0);
}
