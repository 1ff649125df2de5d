// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel tells of single pages: pagemap and kpageflags.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "util.h"

#define SPLIT	"/sys/kernel/debug/split_huge_pages"

/* Item @index of a file of 64-bit items; 0 where it cannot be read. */
static __u64 item(const char *path, unsigned long index)
{
	__u64 value = 0;
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		return 0;
	if (pread(fd, &value, sizeof(value), index * sizeof(value)) != sizeof(value))
		value = 0;
	close(fd);
	return value;
}

__u64 page_entry(const struct area *a, long page)
{
	return item("/proc/self/pagemap", (uintptr_t)a->base / page_size() + page);
}

/* Number of the page's frame, or -1 if it is not present. */
long page_pfn(const struct area *a, long page)
{
	__u64 entry = page_entry(a, page);

	return entry & PM_PRESENT ? (long)(entry & PM_PFN_MASK) : -1;
}

__u64 pfn_flags(long pfn)
{
	return pfn < 0 ? 0 : item("/proc/kpageflags", pfn);
}

/* Number of pages with a bit in pagemap. */
long area_with(const struct area *a, __u64 bit)
{
	long found = 0;
	long i;

	for (i = 0; i < a->pages; i++)
		found += !!(page_entry(a, i) & bit);
	return found;
}

/* Number of pages with a flag in kpageflags. */
long area_flagged(const struct area *a, __u64 flag)
{
	long found = 0;
	long i;

	for (i = 0; i < a->pages; i++)
		found += !!(pfn_flags(page_pfn(a, i)) & flag);
	return found;
}

/* Do the @pages from @first on belong to one folio, and are all of it? */
static bool one_folio(const struct area *a, long first, long pages)
{
	long pfn = page_pfn(a, first);
	long i;

	if (pfn < 0 || !(pfn_flags(pfn) & KPF_COMPOUND_HEAD))
		return false;
	for (i = 1; i < pages; i++)
		if (page_pfn(a, first + i) != pfn + i ||
		    !(pfn_flags(pfn + i) & KPF_COMPOUND_TAIL))
			return false;
	return !(pfn_flags(pfn + pages) & KPF_COMPOUND_TAIL);
}

/* Number of folios of exactly @pages that the area consists of. */
long area_folios(const struct area *a, long pages)
{
	long found = 0;
	long i;

	for (i = 0; i + pages <= a->pages; i += pages)
		found += one_folio(a, i, pages);
	return found;
}

/* Split all THPs of the area into base pages; -ENOENT without debugfs. */
int split_thps(const struct area *a)
{
	char text[96];

	snprintf(text, sizeof(text), "%d,0x%lx,0x%lx", getpid(), (unsigned long)a->base,
		 (unsigned long)a->base + area_bytes(a));
	return write_text(SPLIT, text);
}
