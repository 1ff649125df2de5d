// SPDX-License-Identifier: GPL-2.0
/*
 * Event counts. /proc/vmstat sums all CPUs when it is read, so a difference is
 * exact, but it is the whole machine's; faults are this thread's.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "numa-bench.h"

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

/* Learns which counters this kernel has. */
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

/* Faults come last here and first below: reading vmstat may fault itself. */
int counters_start(struct counters *c)
{
	if (read_vmstat(c))
		return -1;
	read_faults(c);
	perf_start(c->perf);
	return 0;
}

/* Turns the counts at the start of a phase into the counts of the phase. */
int counters_stop(struct counters *c)
{
	struct counters now;

	perf_stop(c->perf);
	read_faults(&now);
	if (read_vmstat(&now))
		return -1;
	for (unsigned int i = 0; i < nr_names; i++)
		c->vmstat[i] = now.vmstat[i] - c->vmstat[i];
	c->minor_faults = now.minor_faults - c->minor_faults;
	c->major_faults = now.major_faults - c->major_faults;
	return 0;
}

bool counters_known(const char *name)
{
	for (unsigned int i = 0; i < nr_names; i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

/* 0 for a counter that this kernel lacks */
uint64_t counters_get(const struct counters *c, const char *name)
{
	for (unsigned int i = 0; i < nr_names; i++)
		if (!strcmp(names[i], name))
			return c->vmstat[i];
	return 0;
}
