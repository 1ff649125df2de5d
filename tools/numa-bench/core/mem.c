// SPDX-License-Identifier: GPL-2.0
/* The area: maps it on one node, fills it, and checks what it contains. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "numa-bench.h"

#define WORD_STEP	0xd1342543de82ef95ULL	/* odd: all words differ */

static size_t alignment(void)
{
	size_t thp = thp_bytes();

	return thp ? thp : 2UL << 20;
}

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

/* Nothing is populated yet. */
int area_map(struct area *area, enum page_kind kind, size_t bytes)
{
	int advice = kind == PAGES_4K ? MADV_NOHUGEPAGE : MADV_HUGEPAGE;

	memset(area, 0, sizeof(*area));
	area->kind = kind;
	area->bytes = bytes;
	area->page_bytes = base_page_bytes();
	area->unit_bytes = page_kind_bytes(kind);
	area->nr_pages = bytes / area->page_bytes;
	area->base = map_aligned(bytes, alignment());
	if (!area->base)
		return -1;
	/* A kernel without THP has no advice to refuse them either. */
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

/* First page of one of so many parts; none begins inside of a THP. */
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

/* Each page its own contents: one that ends up elsewhere is noticed. */
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

/* Each touch has added one to the first word of each page of the plan. */
size_t area_mismatches(const struct area *area, const bool *touched,
		       unsigned int touches)
{
	size_t bad = 0;

	for (size_t i = 0; i < area->nr_pages; i++)
		bad += !page_matches(area, i, touched[i] ? touches : 0);
	return bad;
}

/* Reading smaps touches nothing. */
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
 * THPs of the area now. smaps does not tell smaller ones apart: those are what
 * the machine has more than before.
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
