// SPDX-License-Identifier: GPL-2.0
/*
 * Counters and statistics of the kernel: /proc/vmstat, numa_maps and smaps.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util.h"

static const char * const stat_names[NR_STATS] = {
	[MOF_MARKED]		= "mof_marked",
	[MOF_FAULTS]		= "mof_faults",
	[MOF_RESOLVED]		= "mof_resolved",
	[MOF_MIGRATED]		= "mof_migrated",
	[MOF_MIGRATED_THP]	= "mof_migrated_thp",
	[MOF_WINDOWED]		= "mof_windowed",
	[MOF_LOCAL]		= "mof_local",
	[MOF_RETRIED]		= "mof_retried",
	[MOF_FAILED_NOMEM]	= "mof_failed_nomem",
	[MOF_FAILED_SHARED]	= "mof_failed_shared",
	[MOF_FAILED_PINNED]	= "mof_failed_pinned",
	[MOF_FAILED_BUSY]	= "mof_failed_busy",
	[MOF_FAILED_RACED]	= "mof_failed_raced",
	[MOF_SAMPLES]		= "mof_samples",
	[MOF_ARMED]		= "mof_armed",
	[NUMA_PTE_UPDATES]	= "numa_pte_updates",
	[NUMA_HINT_FAULTS]	= "numa_hint_faults",
	[NUMA_PAGES_MIGRATED]	= "numa_pages_migrated",
	[PGMIGRATE_SUCCESS]	= "pgmigrate_success",
	[THP_MIGRATION_SUCCESS]	= "thp_migration_success",
	[THP_MIGRATION_SPLIT]	= "thp_migration_split",
	[THP_SPLIT_PAGE]	= "thp_split_page",
	[THP_SPLIT_PMD]		= "thp_split_pmd",
	[COMPACT_ISOLATED]	= "compact_isolated",
	[PSWPIN]		= "pswpin",
	[PSWPOUT]		= "pswpout",
	[NR_WRITTEN]		= "nr_written",
	[PGPGOUT]		= "pgpgout",
	[NR_ISOLATED_ANON]	= "nr_isolated_anon",
	[NR_ISOLATED_FILE]	= "nr_isolated_file",
	[OOM_KILL]		= "oom_kill",
};

const char *stat_name(enum stat_id s)
{
	return stat_names[s];
}

static void stats_parse_line(struct stats *s, const char *line)
{
	size_t len = strcspn(line, " ");
	int i;

	for (i = 0; i < NR_STATS; i++)
		if (!strncmp(line, stat_names[i], len) && !stat_names[i][len])
			s->v[i] = strtol(line + len, NULL, 10);
}

/* Read event counters, which are always exact; all mof_ counters are such. */
int stats_peek(struct stats *s)
{
	char line[128];
	FILE *f;

	memset(s, 0, sizeof(*s));
	f = fopen("/proc/vmstat", "r");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f))
		stats_parse_line(s, line);
	fclose(f);
	return 0;
}

/**
 * stats_read() - read all counters; a missing one reads as 0
 * @s: result
 *
 * Return: 0, or a negative errno.
 */
int stats_read(struct stats *s)
{
	/* Folds per-CPU counters; requires root. */
	write_long("/proc/sys/vm/stat_refresh", 1);
	return stats_peek(s);
}

int stats_since(const struct stats *before, struct stats *delta)
{
	int err = stats_read(delta);
	int i;

	for (i = 0; i < NR_STATS; i++)
		delta->v[i] -= before->v[i];
	return err;
}

long stats_failed(const struct stats *s)
{
	return s->v[MOF_FAILED_NOMEM] + s->v[MOF_FAILED_SHARED] +
	       s->v[MOF_FAILED_PINNED] + s->v[MOF_FAILED_BUSY] +
	       s->v[MOF_FAILED_RACED];
}

/* Resolved pages that are not counted as migrated, local, or failed. */
long stats_unreconciled(const struct stats *s)
{
	return s->v[MOF_RESOLVED] - s->v[MOF_MIGRATED] - s->v[MOF_LOCAL] -
	       stats_failed(s);
}

/* Isolated pages; retries, as background reclaim may isolate some. */
long stats_isolated(struct stats *s)
{
	long isolated = 0;
	int looks;

	for (looks = 0; looks < 20; looks++) {
		if (stats_read(s))
			return -1;
		isolated = s->v[NR_ISOLATED_ANON] + s->v[NR_ISOLATED_FILE];
		if (!isolated)
			break;
		usleep(100000);
	}
	return isolated;
}

/* Number of the @nr counters from @first on that the file has. */
static int count_names(const char *path, enum stat_id first, int nr)
{
	char line[256];
	int found = 0;
	FILE *f;
	int i;

	f = fopen(path, "r");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, " ")] = '\0';
		for (i = 0; i < nr; i++)
			found += !strcmp(line, stat_names[first + i]);
	}
	fclose(f);
	return found;
}

/* Number of mof_ counters in the file. */
int count_mof_names(const char *path)
{
	return count_names(path, 0, NR_MOF_STATS);
}

/* Stock kernels accept kernel.numa_balancing=4 as well, without effect. */
bool have_automatic(void)
{
	return count_names("/proc/vmstat", MOF_SAMPLES, 1) == 1;
}

/* Does a fault resolve the touched page only (no window)? */
bool faults_are_single(void)
{
	return read_long("/proc/sys/vm/mof_window_pages") <= 0;
}

static long hinted_in_line(const char *line)
{
	const char *p = strstr(line, " hinted=");

	return p ? strtol(p + strlen(" hinted="), NULL, 10) : 0;
}

/*
 * Number of marked pages in all VMAs that overlap the area, from numa_maps, which
 * has one line per VMA. Touches no page.
 */
long area_hinted(const struct area *a)
{
	unsigned long base = (unsigned long)a->base;
	unsigned long start;
	char line[4096];
	long found = 0;
	FILE *f;

	f = fopen("/proc/self/numa_maps", "r");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		start = strtoul(line, NULL, 16);
		if (start <= base)
			found = hinted_in_line(line);
		else if (start < base + area_bytes(a))
			found += hinted_in_line(line);
	}
	fclose(f);
	return found;
}

/* Has this process any marked page? */
bool numa_maps_say_hinted(void)
{
	char line[4096];
	bool found = false;
	FILE *f;

	f = fopen("/proc/self/numa_maps", "r");
	if (!f)
		return false;
	while (fgets(line, sizeof(line), f))
		if (strstr(line, " hinted="))
			found = true;
	fclose(f);
	return found;
}

/* Is this the first line of a VMA in smaps ("start-end perms ...")? */
static bool vma_line(const char *line, unsigned long *start)
{
	char *end;

	*start = strtoul(line, &end, 16);
	return end != line && *end == '-';
}

/* Sum of one field of smaps over the area's VMAs, in KiB. */
long area_smaps_kb(const struct area *a, const char *field)
{
	unsigned long base = (unsigned long)a->base;
	size_t len = strlen(field);
	bool inside = false;
	unsigned long start;
	char line[4096];
	long sum = 0;
	FILE *f;

	f = fopen("/proc/self/smaps", "r");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		if (vma_line(line, &start))
			inside = start >= base && start < base + area_bytes(a);
		else if (inside && !strncmp(line, field, len) && line[len] == ':')
			sum += strtol(line + len + 1, NULL, 10);
	}
	fclose(f);
	return sum;
}
