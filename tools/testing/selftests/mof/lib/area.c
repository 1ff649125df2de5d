// SPDX-License-Identifier: GPL-2.0
/*
 * Areas of memory with known contents and placement, and information on their
 * pages.
 */
#include <errno.h>
#include <fcntl.h>
#include <numa.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util.h"

#define SPLIT	"/sys/kernel/debug/split_huge_pages"
#define THP_DIR		"/sys/kernel/mm/transparent_hugepage/"
#define MOST_THPS	8		/* maximum that tests use on a node */

long page_size(void)
{
	static long size;

	if (!size)
		size = sysconf(_SC_PAGESIZE);
	return size;
}

long thp_size(void)
{
	static long size;

	if (!size)
		size = read_long(THP_DIR "hpage_pmd_size");
	return size;
}

long thp_pages(void)
{
	return thp_size() / page_size();
}

/* Base pages that one PUD entry maps */
long pud_pages(void)
{
	long entries = page_size() / (long)sizeof(__u64);

	return entries * entries;
}

/* Has each node with memory at least @bytes of it? */
bool nodes_hold(long long bytes)
{
	long long size;
	int node;

	for (node = 0; node <= numa_max_node(); node++) {
		size = numa_node_size64(node, NULL);
		if (size > 0 && size < bytes)
			return false;
	}
	return true;
}

/* With 64 KiB base pages, a THP is 512 MiB. */
bool thp_fits(void)
{
	return thp_size() > 0 && nodes_hold(MOST_THPS * thp_size());
}

const char *thp_missing(void)
{
	if (thp_size() <= 0)
		return "kernel without transparent huge pages";
	if (write_text(THP_DIR "enabled", "madvise"))
		return "needs root to enable transparent huge pages";
	if (!thp_fits())
		return "huge pages are too large for these nodes";
	return NULL;
}

long area_bytes(const struct area *a)
{
	return a->pages * page_size();
}

/*
 * Reserve address space, aligned so that it begins with a page table, with an
 * inaccessible page on each side: VMAs of an area never merge with a neighbour.
 */
static char *reserve(long bytes)
{
	long align = page_size() * page_size() / sizeof(__u64);
	char *p, *base;

	p = mmap(NULL, bytes + align + 2 * page_size(), PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	base = p + page_size() + align - 1;
	return base - ((uintptr_t)base & (align - 1));
}

int area_map_file(struct area *a, long pages, int prot, int flags, int fd)
{
	static unsigned long seed;

	a->pages = pages;
	a->seed = ++seed * 0x9e3779b97f4a7c15UL;
	a->base = reserve(area_bytes(a));
	if (!a->base)
		return -errno;
	if (mmap(a->base, area_bytes(a), prot, flags | MAP_FIXED, fd, 0) == MAP_FAILED)
		return -errno;
	return 0;
}

/* Map a private anonymous area of base pages, without populating it. */
int area_map(struct area *a, long pages)
{
	int err = area_map_file(a, pages, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1);

	if (!err)
		madvise(a->base, area_bytes(a), MADV_NOHUGEPAGE);
	return err;
}

/* Map a private anonymous area of base pages, filled, on @node. */
int area_new(struct area *a, long pages, int node)
{
	int err = area_map(a, pages);

	return err ? err : area_place(a, node);
}

/* Begin a test: run on m->from, map an area there, and read the counters. */
int area_begin(struct area *a, long pages, const struct machine *m, struct stats *before)
{
	return run_on(m->from) ? : area_new(a, pages, m->from) ? : stats_read(before);
}

/* Like area_new(), but shared. */
int area_new_shared(struct area *a, long pages, int node)
{
	return area_map_file(a, pages, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1) ? : area_place(a, node);
}

/* Like area_new(), but of THPs; fails if some are missing (fragmentation). */
int area_new_thp(struct area *a, long thps, int node)
{
	int err;

	err = area_map_file(a, thps * thp_pages(), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1);
	if (err)
		return err;
	if (madvise(a->base, area_bytes(a), MADV_HUGEPAGE))
		return -errno;
	err = area_place(a, node);
	if (err)
		return err;
	return area_smaps_kb(a, "AnonHugePages") == area_bytes(a) / 1024 ? 0 : -ENOMEM;
}

/*
 * Map a THP of shared memory, filled, on @node, from the empty memfd @fd. Huge
 * pages of shared memory must be enabled by "advise"; disables them again.
 */
int area_new_shared_thp(struct area *a, int fd, int node)
{
	int err = 0;

	if (ftruncate(fd, thp_size()))
		return -errno;
	err = area_map_file(a, thp_pages(), PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	if (!err && madvise(a->base, area_bytes(a), MADV_HUGEPAGE))
		err = -errno;
	err = err ? : area_place(a, node);
	write_text(SHMEM_THP, "never");
	if (err)
		return err;
	return area_smaps_kb(a, "ShmemPmdMapped") == thp_size() / 1024 ? 0 : -ENOMEM;
}

/* Write a new file through a mapping, under a task policy for @node. */
int area_new_file(struct area *a, const char *dir, const char *name, int node, int *fd)
{
	char path[96];
	int err;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	*fd = open(path, O_RDWR | O_CREAT, 0600);
	if (*fd < 0 || ftruncate(*fd, AREA_PAGES * page_size()))
		return -errno;
	err = area_map_file(a, AREA_PAGES, PROT_READ | PROT_WRITE, MAP_SHARED, *fd);
	if (err)
		return err;
	err = set_task_policy(MPOL_BIND, NODE_MASK(node));
	area_fill(a);
	drain_lru();
	return err ? : set_task_policy(MPOL_DEFAULT, 0);
}

/* A view of some pages of an area; with @first != 0, for contents only. */
struct area area_part(const struct area *a, long first, long pages)
{
	return (struct area) {
		.base = a->base + first * page_size(),
		.pages = pages,
		.seed = a->seed + first,
	};
}

void area_free(struct area *a)
{
	if (a->base)
		munmap(a->base, area_bytes(a));
	a->base = NULL;
}

/* Expected value of a word: never 0, different in each page. */
__u64 area_word(const struct area *a, long page, long word)
{
	return (a->seed + page) * 0xff51afd7ed558ccdUL + (word << 1 | 1);
}

static __u64 *page_words(const struct area *a, long page)
{
	return (__u64 *)(a->base + page * page_size());
}

static long words_per_page(void)
{
	return page_size() / sizeof(__u64);
}

void area_fill(const struct area *a)
{
	long i, w;

	for (i = 0; i < a->pages; i++)
		for (w = 0; w < words_per_page(); w++)
			page_words(a, i)[w] = area_word(a, i, w);
}

static bool page_is_bad(const struct area *a, long page)
{
	const __u64 *words = page_words(a, page);
	long w;

	for (w = 0; w < words_per_page(); w++)
		if (words[w] != area_word(a, page, w))
			return true;
	return false;
}

/* Number of pages with wrong contents; touches all pages. */
long area_bad(const struct area *a)
{
	long bad = 0;
	long i;

	for (i = 0; i < a->pages; i++)
		bad += page_is_bad(a, i);
	return bad;
}

/* Number of pages that are not all zeroes; touches all pages. */
long area_not_zero(const struct area *a)
{
	long bad = 0;
	long i, w;

	for (i = 0; i < a->pages; i++) {
		for (w = 0; w < words_per_page(); w++)
			if (page_words(a, i)[w])
				break;
		bad += w < words_per_page();
	}
	return bad;
}

/* Fill a mapped area anew on @node; leaves no policy behind. */
int area_place(const struct area *a, int node)
{
	long err;

	madvise(a->base, area_bytes(a), MADV_DONTNEED);
	err = area_mbind(a, MPOL_BIND, NODE_MASK(node), 0);
	if (err)
		return err;
	area_fill(a);
	err = area_mbind(a, MPOL_DEFAULT, 0, 0);
	if (err)
		return err;
	drain_lru();
	return area_on(a, node) == a->pages ? 0 : -ENOMEM;
}

/* Touches are atomic, so that the compiler neither drops nor merges them. */

void page_read(const struct area *a, long page)
{
	(void)__atomic_load_n(page_words(a, page), __ATOMIC_RELAXED);
}

/* Write the expected value, without a read before the write. */
void page_write(const struct area *a, long page)
{
	__atomic_store_n(page_words(a, page), area_word(a, page, 0), __ATOMIC_RELAXED);
}

void area_read(const struct area *a)
{
	long i;

	for (i = 0; i < a->pages; i++)
		page_read(a, i);
}

void area_write(const struct area *a)
{
	long i;

	for (i = 0; i < a->pages; i++)
		page_write(a, i);
}

/* move_pages(2) takes pages in pieces, to keep the arrays small. */
#define PIECE	64L

/* Query the nodes of @nr pages, or move them to @nodes; touches none. */
static int piece(const struct area *a, long first, long nr, pid_t pid,
		 const int *nodes, int *status)
{
	void *addr[PIECE];
	long i;

	for (i = 0; i < nr; i++)
		addr[i] = a->base + (first + i) * page_size();
	if (move_pages(pid, nr, addr, nodes, status, nodes ? MPOL_MF_MOVE : 0) < 0)
		return -errno;
	return 0;
}

static long piece_length(const struct area *a, long first)
{
	return a->pages - first < PIECE ? a->pages - first : PIECE;
}

int page_node(const struct area *a, long page)
{
	int status = 0;
	int err = piece(a, page, 1, 0, NULL, &status);

	return err ? err : status;
}

/* Number of pages with status @want in process @pid; 0: this process. */
long area_on_as(const struct area *a, int want, pid_t pid)
{
	int status[PIECE];
	long first, nr, i;
	long found = 0;

	for (first = 0; first < a->pages; first += nr) {
		nr = piece_length(a, first);
		if (piece(a, first, nr, pid, NULL, status))
			return -errno;
		for (i = 0; i < nr; i++)
			found += status[i] == want;
	}
	return found;
}

long area_on(const struct area *a, int node)
{
	return area_on_as(a, node, 0);
}

long area_absent(const struct area *a)
{
	return area_on_as(a, -ENOENT, 0);
}

/* Move the area with move_pages(2); returns the number of pages on @node. */
long area_move(const struct area *a, int node)
{
	int nodes[PIECE], status[PIECE];
	long first, i;

	for (i = 0; i < PIECE; i++)
		nodes[i] = node;
	for (first = 0; first < a->pages; first += PIECE)
		if (piece(a, first, piece_length(a, first), 0, nodes, status))
			return -errno;
	return area_on(a, node);
}

long area_mbind(const struct area *a, int mode, unsigned long nodes,
		unsigned int flags)
{
	if (mbind(a->base, area_bytes(a), mode, nodes ? &nodes : NULL,
		  nodes ? MAX_NODE : 0, flags))
		return -errno;
	return 0;
}

/* Mark the area: the call under test. */
long mark(const struct area *a, int mode, unsigned long nodes)
{
	return area_mbind(a, mode, nodes, MOF_LAZY_MOVE);
}

/* Policy of the area's first page. */
int area_policy(const struct area *a, int *mode, unsigned long *nodes)
{
	*nodes = 0;
	return get_mempolicy(mode, nodes, MAX_NODE, a->base, MPOL_F_ADDR) ? -errno : 0;
}

/*
 * Drain all LRU batches, so that pages can be isolated: any migration call does
 * so for all CPUs.
 */
void drain_lru(void)
{
	struct area page;

	if (area_map(&page, 1))
		return;
	page_write(&page, 0);
	area_mbind(&page, MPOL_DEFAULT, 0, MPOL_MF_MOVE);
	area_free(&page);
}

/* Item @index of a file of 64-bit items; 0 if it cannot be read. */
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

/* Page frame number, or -1 if the page is not present. */
long page_pfn(const struct area *a, long page)
{
	__u64 entry = page_entry(a, page);

	return entry & PM_PRESENT ? (long)(entry & PM_PFN_MASK) : -1;
}

__u64 pfn_flags(long pfn)
{
	return pfn < 0 ? 0 : item("/proc/kpageflags", pfn);
}

/* Number of pages with @bit set in pagemap. */
long area_with(const struct area *a, __u64 bit)
{
	long found = 0;
	long i;

	for (i = 0; i < a->pages; i++)
		found += !!(page_entry(a, i) & bit);
	return found;
}

/* Number of pages with @flag set in kpageflags. */
long area_flagged(const struct area *a, __u64 flag)
{
	long found = 0;
	long i;

	for (i = 0; i < a->pages; i++)
		found += !!(pfn_flags(page_pfn(a, i)) & flag);
	return found;
}

/* Activate each @step-th page: the second get_user_pages() on a page does. */
int area_activate(const struct area *a, long step)
{
	int fd = open("/proc/self/mem", O_RDONLY);
	off_t base = (uintptr_t)a->base;
	int err = 0;
	__u64 word;
	long i;

	for (i = 0; i < 2 * a->pages && !err; i++)
		if (i / 2 % step == 0 &&
		    pread(fd, &word, sizeof(word), base + i / 2 * page_size()) != sizeof(word))
			err = -EIO;
	close(fd);
	return err;
}

/* Split all THPs of the area into base pages; -ENOENT without debugfs. */
int split_thps(const struct area *a)
{
	char text[96];

	snprintf(text, sizeof(text), "%d,0x%lx,0x%lx", getpid(), (unsigned long)a->base,
		 (unsigned long)a->base + area_bytes(a));
	return write_text(SPLIT, text);
}
