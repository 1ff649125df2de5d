// SPDX-License-Identifier: GPL-2.0
/*
 * The sizes of pages that this kernel has. A sysctl-like file for each says who
 * gets them; a fault takes the largest size that is allowed, so the others are
 * turned off while an area of one size is filled.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "numa-bench.h"

#define THP	"/sys/kernel/mm/transparent_hugepage/"

const char *page_kind_names[NR_PAGE_KINDS] = { "4k", "thp" };
unsigned int nr_page_kinds = PAGES_MTHP;

/* Sizes of THPs, also that of a PMD, ascending */
struct thp_size {
	size_t bytes;
	char path[96];
	struct knob knob;
};

static struct thp_size sizes[NR_PAGE_KINDS];
static unsigned int nr_sizes;
static struct thp_size *size_of_kind[NR_PAGE_KINDS];
static enum page_kind allowed;	/* what the files say now */

size_t base_page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* 0 where the kernel has no transparent huge pages, or they are turned off */
size_t thp_bytes(void)
{
	char line[64];

	read_line(THP "enabled", line, sizeof(line));
	if (!*line || strstr(line, "[never]"))
		return 0;
	read_line(THP "hpage_pmd_size", line, sizeof(line));
	return strtoul(line, NULL, 10);
}

static int compare_sizes(const void *a, const void *b)
{
	const struct thp_size *x = a, *y = b;

	return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

static void find_sizes(void)
{
	DIR *dir = opendir(THP);
	struct dirent *entry;
	size_t kib;

	while (dir && (entry = readdir(dir)) && nr_sizes < ARRAY_SIZE(sizes)) {
		struct thp_size *size = &sizes[nr_sizes];

		if (sscanf(entry->d_name, "hugepages-%zukB", &kib) != 1)
			continue;
		size->bytes = kib << 10;
		snprintf(size->path, sizeof(size->path), THP "hugepages-%zukB/enabled",
			 kib);
		nr_sizes += !access(size->path, R_OK);
	}
	if (dir)
		closedir(dir);
	qsort(sizes, nr_sizes, sizeof(*sizes), compare_sizes);
}

static size_t pmd_bytes(void)
{
	char line[64];

	return strtoul(read_line(THP "hpage_pmd_size", line, sizeof(line)), NULL, 10);
}

/* Learns which sizes there are; "thp" is that of a PMD. */
void page_kinds_init(void)
{
	static char names[NR_PAGE_KINDS][24];
	size_t pmd = pmd_bytes();

	find_sizes();
	for (unsigned int i = 0; i < nr_sizes; i++) {
		char *name = names[nr_page_kinds];

		sizes[i].knob = (struct knob) { .path = sizes[i].path, .fd = -1 };
		if (sizes[i].bytes == pmd || nr_page_kinds == NR_PAGE_KINDS)
			continue;
		snprintf(name, sizeof(names[0]), "%zuk", sizes[i].bytes >> 10);
		size_of_kind[nr_page_kinds] = &sizes[i];
		page_kind_names[nr_page_kinds++] = name;
	}
}

/* What moves as one; 0 for THPs where there are none */
size_t page_kind_bytes(enum page_kind kind)
{
	if (kind == PAGES_4K)
		return base_page_bytes();
	return kind == PAGES_THP ? thp_bytes() : size_of_kind[kind]->bytes;
}

/* The chosen word of "always inherit [madvise] never" */
const char *page_kind_setting(enum page_kind kind, char *buf, size_t len)
{
	char line[64], *begin, *end;

	read_line(size_of_kind[kind]->path, line, sizeof(line));
	begin = strchr(line, '[');
	end = begin ? strchr(begin, ']') : NULL;
	snprintf(buf, len, "%.*s", end ? (int)(end - begin) - 1 : 0,
		 begin ? begin + 1 : "");
	return buf;
}

static bool is_allowed(const struct thp_size *size)
{
	char line[64];

	read_line(size->path, line, sizeof(line));
	if (strstr(line, "[inherit]"))
		return thp_bytes();
	return strstr(line, "[always]") || strstr(line, "[madvise]");
}

/* Whether an area gets this size, and no larger one, as things are */
static bool set_already(const struct thp_size *size)
{
	for (const struct thp_size *s = size + 1; s < sizes + nr_sizes; s++)
		if (is_allowed(s))
			return false;
	return is_allowed(size);
}

static bool may_set(void)
{
	for (unsigned int i = 0; i < nr_sizes; i++)
		if (access(sizes[i].path, W_OK))
			return false;
	return true;
}

/* Why no area can have such pages here, or NULL */
const char *page_kind_missing(enum page_kind kind)
{
	if (kind == PAGES_4K || (kind == PAGES_THP && thp_bytes()))
		return NULL;
	if (kind == PAGES_THP)
		return "no transparent huge pages here (see transparent_hugepage/enabled)";
	return set_already(size_of_kind[kind]) || may_set() ? NULL :
		"not enabled alone (transparent_hugepage/hugepages-*/enabled); run as root";
}

static int write_sizes(const struct thp_size *chosen)
{
	for (unsigned int i = 0; i < nr_sizes; i++) {
		struct thp_size *size = &sizes[i];
		const char *word = size->knob.before;

		if (size->knob.fd < 0 && knob_open(&size->knob))
			return -1;
		if (chosen)
			word = size == chosen ? "madvise" : "never";
		if (knob_write(&size->knob, word))
			return -1;
	}
	return 0;
}

/* Before an area of that kind is filled */
int page_kind_allow(enum page_kind kind)
{
	const struct thp_size *chosen = size_of_kind[kind];

	/* Without a choice, what was set before ours is to hold. */
	if (kind == allowed || (chosen && set_already(chosen)) ||
	    (!chosen && allowed < PAGES_MTHP))
		return 0;
	if (write_sizes(chosen)) {
		fprintf(stderr,
			"numa-bench: cannot set transparent_hugepage/hugepages-*/enabled: %m\n");
		return -1;
	}
	allowed = kind;
	return 0;
}

/* THPs of that size that the whole machine has; 0 where it does not count them */
size_t page_kind_total(enum page_kind kind)
{
	char path[128], line[64];

	snprintf(path, sizeof(path), THP "hugepages-%zukB/stats/nr_anon",
		 size_of_kind[kind]->bytes >> 10);
	return strtoul(read_line(path, line, sizeof(line)), NULL, 10);
}
