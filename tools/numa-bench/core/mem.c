// SPDX-License-Identifier: GPL-2.0
/*
 * Memory whose pages are moved: page sizes of this kernel, the mapped area, its
 * contents, and the node of each page.
 *
 * sysfs has a file per THP size that enables it. A fault allocates the largest
 * enabled size, so the others are disabled while an area of one size is filled.
 */
#include <dirent.h>
#include <errno.h>
#include <numaif.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "numa-bench.h"

#define THP	"/sys/kernel/mm/transparent_hugepage/"

const char *page_kind_names[NR_PAGE_KINDS] = { "4k", "thp" };
unsigned int nr_page_kinds = PAGES_MTHP;

/* THP sizes in ascending order, including PMD size */
struct thp_size {
	size_t bytes;
	char path[96];
	struct knob knob;
};

static struct thp_size sizes[NR_PAGE_KINDS];
static unsigned int nr_sizes;
static struct thp_size *size_of_kind[NR_PAGE_KINDS];
static enum page_kind allowed;	/* kind that the files are set for */

size_t base_page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* PMD size; 0 if the kernel has no THPs or they are disabled */
static size_t thp_bytes(void)
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

/* Finds the page sizes of this kernel; "thp" is PMD size. */
void page_kinds_init(void)
{
	static char names[NR_PAGE_KINDS][24];
	size_t pmd;
	char line[64];

	read_line(THP "hpage_pmd_size", line, sizeof(line));
	pmd = strtoul(line, NULL, 10);
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

/* The unit of migration; 0 for THPs if there are none */
size_t page_kind_bytes(enum page_kind kind)
{
	if (kind == PAGES_4K)
		return base_page_bytes();
	return kind == PAGES_THP ? thp_bytes() : size_of_kind[kind]->bytes;
}

/* The selected word of "always inherit [madvise] never" */
const char *page_kind_setting(enum page_kind kind, char *buf, size_t len)
{
	read_line(size_of_kind[kind]->path, buf, len);
	return knob_word(buf);
}

static bool is_allowed(const struct thp_size *size)
{
	char line[64];

	read_line(size->path, line, sizeof(line));
	if (strstr(line, "[inherit]"))
		return thp_bytes();
	return strstr(line, "[always]") || strstr(line, "[madvise]");
}

/* Whether an area gets this size, and no larger one, with current settings */
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

/* To be called before an area of that kind is filled */
int page_kind_allow(enum page_kind kind)
{
	const struct thp_size *chosen = size_of_kind[kind];

	/* Kinds without a file need the original settings. */
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

/* THPs of that size in the whole machine; 0 if the kernel does not count them */
static size_t page_kind_total(enum page_kind kind)
{
	char path[128], line[64];

	snprintf(path, sizeof(path), THP "hugepages-%zukB/stats/nr_anon",
		 size_of_kind[kind]->bytes >> 10);
	return strtoul(read_line(path, line, sizeof(line)), NULL, 10);
}

#define WORD_STEP	0xd1342543de82ef95ULL	/* odd, so all words differ */

static char *map_aligned(size_t bytes, size_t align)
{
	char *raw, *base;

	raw = mmap(NULL, bytes + align, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (raw == MAP_FAILED)
		return NULL;
	base = (char *)(((uintptr_t)raw + align - 1) & ~(align - 1));
	if (base > raw)
		munmap(raw, base - raw);
	munmap(base + bytes, raw + align - base);
	return base;
}

/* Maps the area without populating it. */
int area_map(struct area *area, enum page_kind kind, size_t bytes)
{
	int advice = kind == PAGES_4K ? MADV_NOHUGEPAGE : MADV_HUGEPAGE;

	memset(area, 0, sizeof(*area));
	area->kind = kind;
	area->bytes = bytes;
	area->page_bytes = base_page_bytes();
	area->unit_bytes = page_kind_bytes(kind);
	area->nr_pages = bytes / area->page_bytes;
	area->base = map_aligned(bytes, thp_bytes() ?: 2UL << 20);
	if (!area->base)
		return -1;
	/* Without THP, the kernel does not know MADV_NOHUGEPAGE either. */
	if (madvise(area->base, bytes, advice) && kind != PAGES_4K) {
		area_unmap(area);
		return -1;
	}
	if (kind >= PAGES_MTHP)
		area->others = page_kind_total(kind);
	return 0;
}

void area_unmap(struct area *area)
{
	int err = errno;

	if (area->base)
		munmap(area->base, area->bytes);
	area->base = NULL;
	errno = err;
}

/* First page of a part; no part begins inside a THP. */
size_t area_part_begin(const struct area *area, unsigned int part,
		       unsigned int parts)
{
	size_t per_unit = area->unit_bytes / area->page_bytes;
	size_t units = area->nr_pages / per_unit;

	return units * part / parts * per_unit;
}

static uint64_t *page_of(const struct area *area, size_t idx)
{
	return (uint64_t *)(area->base + idx * area->page_bytes);
}

/* Each page has contents of its own, so that swapped pages are detected. */
void area_fill(struct area *area, unsigned int part, unsigned int parts,
	       uint64_t seed)
{
	size_t words = area->page_bytes / sizeof(uint64_t);
	size_t end = area_part_begin(area, part + 1, parts);

	area->seed = seed;
	for (size_t i = area_part_begin(area, part, parts); i < end; i++) {
		uint64_t *word = page_of(area, i), val = mix64(seed + i);

		for (size_t j = 0; j < words; j++, val += WORD_STEP)
			word[j] = val;
	}
}

static bool page_matches(const struct area *area, size_t idx,
			 unsigned int touches)
{
	size_t words = area->page_bytes / sizeof(uint64_t);
	uint64_t *word = page_of(area, idx), val = mix64(area->seed + idx);

	if (word[0] != val + touches)
		return false;
	for (size_t j = 1; j < words; j++) {
		val += WORD_STEP;
		if (word[j] != val)
			return false;
	}
	return true;
}

/* Pages with wrong contents; each touch added 1 to the first word of its page. */
size_t area_mismatches(const struct area *area, const bool *touched,
		       unsigned int touches)
{
	size_t bad = 0;

	for (size_t i = 0; i < area->nr_pages; i++)
		bad += !page_matches(area, i, touched[i] ? touches : 0);
	return bad;
}

static size_t mapped_by_pmds(const struct area *area)
{
	uintptr_t first = (uintptr_t)area->base, last = first + area->bytes;
	uintptr_t start, end;
	size_t kib, sum = 0;
	bool inside = false;
	char line[256];
	FILE *file;

	file = fopen("/proc/self/smaps", "r");
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start < last && end > first;
		else if (inside && sscanf(line, "AnonHugePages: %zu", &kib) == 1)
			sum += kib;
	}
	fclose(file);
	return (sum << 10) / area->unit_bytes;
}

/*
 * THPs of the area now. smaps reports PMD-mapped ones only; of smaller sizes,
 * the growth of the machine's count is taken.
 */
size_t area_thps(const struct area *area)
{
	size_t all;

	if (area->kind == PAGES_4K)
		return 0;
	if (area->kind == PAGES_THP)
		return mapped_by_pmds(area);
	all = page_kind_total(area->kind);
	return all > area->others ? all - area->others : 0;
}

#define BATCH	1024

/*
 * Fills nodes[] with nodes, or negative errnos for pages that are not mapped.
 * move_pages(2) without target nodes migrates nothing.
 */
int place_query(const struct area *area, int *nodes)
{
	void *pages[BATCH];

	for (size_t done = 0; done < area->nr_pages; done += BATCH) {
		size_t nr = area->nr_pages - done;

		if (nr > BATCH)
			nr = BATCH;
		for (size_t i = 0; i < nr; i++)
			pages[i] = area->base + (done + i) * area->page_bytes;
		if (move_pages(0, nr, pages, NULL, nodes + done, 0) < 0)
			return -1;
	}
	return 0;
}

/* Adds pages whose target is @target. */
void place_add(struct placement *place, const int *before, const int *after,
	       const bool *touched, size_t nr_pages, int target)
{
	for (size_t i = 0; i < nr_pages; i++) {
		bool moved = after[i] == target && before[i] != target;

		if (after[i] >= 0 && after[i] < NB_MAX_NODES)
			place->node_pages[after[i]]++;
		else
			place->absent_pages++;
		place->moved_pages += moved;
		place->moved_untouched_pages += moved && !touched[i];
		place->left_behind_pages += touched[i] && after[i] != target;
	}
}
