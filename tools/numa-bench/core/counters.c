// SPDX-License-Identifier: GPL-2.0
/*
 * Event counts: /proc/vmstat, faults of this thread, perf events.
 *
 * /proc/vmstat sums all CPUs when it is read, so differences are exact, but they
 * are those of the whole machine. perf events are opened only on request, since
 * counting makes faults and context switches slower.
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "numa-bench.h"

#define NODE_READS(result) \
	(PERF_COUNT_HW_CACHE_NODE | (PERF_COUNT_HW_CACHE_OP_READ << 8) | \
	 (PERF_COUNT_HW_CACHE_RESULT_##result << 16))

static const struct {
	const char *name;
	const char *user_name;	/* if counting in the kernel is not allowed */
	uint32_t type;
	uint64_t config;
} events[NB_MAX_EVENTS] = {
	{ "page-faults", "page-faults:u",
	  PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS },
	{ "context-switches", "context-switches:u",
	  PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES },
	{ "cycles", "cycles:u", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES },
	{ "instructions", "instructions:u",
	  PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS },
	{ "node-loads", "node-loads:u",
	  PERF_TYPE_HW_CACHE, NODE_READS(ACCESS) },
	{ "node-load-misses", "node-load-misses:u",
	  PERF_TYPE_HW_CACHE, NODE_READS(MISS) },
};

static int fds[NB_MAX_EVENTS] = { -1, -1, -1, -1, -1, -1 };
static const char *event_names[NB_MAX_EVENTS];

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

/* Reports events that cannot be counted, and continues without them. */
void perf_setup(void)
{
	for (unsigned int i = 0; i < NB_MAX_EVENTS; i++) {
		event_names[i] = events[i].name;
		fds[i] = open_event(i, 0);
		if (fds[i] < 0 && (errno == EACCES || errno == EPERM)) {
			event_names[i] = events[i].user_name;
			fds[i] = open_event(i, 1);
		}
		if (fds[i] < 0)
			fprintf(stderr, "numa-bench: --perf: %s not counted: %s\n",
				events[i].name, reason());
	}
}

const char *perf_name(unsigned int event)
{
	return fds[event] < 0 ? NULL : event_names[event];
}

/* Includes inherited events of threads, whether they have exited or not. */
static struct perf_count read_event(unsigned int event)
{
	struct perf_count count = { 0 };

	if (fds[event] >= 0 &&
	    read(fds[event], &count, sizeof(count)) != (ssize_t)sizeof(count))
		memset(&count, 0, sizeof(count));
	return count;
}

/* Scales up the count of an event that was multiplexed. */
static void stop_event(struct perf_count *c, struct perf_count now)
{
	c->value = now.value - c->value;
	c->enabled_ns = now.enabled_ns - c->enabled_ns;
	c->running_ns = now.running_ns - c->running_ns;
	if (c->running_ns && c->running_ns < c->enabled_ns)
		c->value = (uint64_t)((double)c->value * (double)c->enabled_ns /
				      (double)c->running_ns);
}

const char *perf_missing(const char *name)
{
	for (unsigned int i = 0; i < NB_MAX_EVENTS; i++) {
		bool user_only = !strcmp(name, events[i].user_name);
		int fd;

		if (!user_only && strcmp(name, events[i].name))
			continue;
		fd = open_event(i, user_only);
		if (fd < 0)
			return reason();
		close(fd);
	}
	return NULL;
}

#define VMSTAT	"/proc/vmstat"

static const char *const wanted[] = {
	"mof_", "numa_hint_", "numa_huge_", "numa_pages_", "numa_pte_",
	"pgmigrate_", "nr_tlb_", "thp_migration_", "thp_split_",
};

static char names[NB_MAX_COUNTERS][48];
static unsigned int nr_names;

static bool is_wanted(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		if (!strncmp(name, wanted[i], strlen(wanted[i])))
			return true;
	return false;
}

static FILE *open_vmstat(void)
{
	FILE *file = fopen(VMSTAT, "r");

	if (!file)
		fprintf(stderr, "numa-bench: %s: %m; is /proc mounted?\n", VMSTAT);
	return file;
}

/* Finds the counters of this kernel. */
int counters_init(void)
{
	FILE *file = open_vmstat();
	unsigned long long val;
	char name[48];

	if (!file)
		return -1;
	nr_names = 0;
	while (fscanf(file, "%47s %llu", name, &val) == 2)
		if (is_wanted(name) && nr_names < NB_MAX_COUNTERS)
			memcpy(names[nr_names++], name, sizeof(name));
	fclose(file);
	return 0;
}

unsigned int counters_nr(void)
{
	return nr_names;
}

const char *counters_name(unsigned int idx)
{
	return names[idx];
}

static int read_vmstat(struct counters *c)
{
	FILE *file = open_vmstat();
	unsigned long long val;
	unsigned int i = 0;
	char name[48];

	if (!file)
		return -1;
	while (i < nr_names && fscanf(file, "%47s %llu", name, &val) == 2)
		if (!strcmp(name, names[i]))
			c->vmstat[i++] = val;
	fclose(file);
	return i == nr_names ? 0 : -1;
}

static void read_faults(struct counters *c)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	c->minor_faults = (uint64_t)usage.ru_minflt;
	c->major_faults = (uint64_t)usage.ru_majflt;
}

/* Read faults last here and first below: reading vmstat may cause faults. */
int counters_start(struct counters *c)
{
	if (read_vmstat(c))
		return -1;
	read_faults(c);
	for (unsigned int i = 0; i < NB_MAX_EVENTS; i++)
		c->perf[i] = read_event(i);
	return 0;
}

/* Replaces the counts at the start of a phase by the counts of the phase. */
int counters_stop(struct counters *c)
{
	struct counters now;

	for (unsigned int i = 0; i < NB_MAX_EVENTS; i++)
		stop_event(&c->perf[i], read_event(i));
	read_faults(&now);
	if (read_vmstat(&now))
		return -1;
	for (unsigned int i = 0; i < nr_names; i++)
		c->vmstat[i] = now.vmstat[i] - c->vmstat[i];
	c->minor_faults = now.minor_faults - c->minor_faults;
	c->major_faults = now.major_faults - c->major_faults;
	return 0;
}

/* Returns nr_names for a counter that the kernel does not have. */
static unsigned int index_of(const char *name)
{
	unsigned int i = 0;

	while (i < nr_names && strcmp(names[i], name))
		i++;
	return i;
}

bool counters_known(const char *name)
{
	return index_of(name) < nr_names;
}

/* 0 if the kernel does not have this counter */
uint64_t counters_get(const struct counters *c, const char *name)
{
	return counters_known(name) ? c->vmstat[index_of(name)] : 0;
}
