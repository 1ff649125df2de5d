// SPDX-License-Identifier: GPL-2.0
/*
 * A secondary MMU: the device of lib/test_hmm.c, which mirrors the memory of a
 * process. Its accesses are touches, and its mappings follow migrations.
 * Marking a large range notifies it in pieces.
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "lib/security.h"
#include "lib/test.h"
#include "lib/trace.h"

/* As in lib/test_hmm_uapi.h, which is not installed */
struct hmm_dmirror_cmd {
	__u64 addr;
	__u64 ptr;
	__u64 npages;
	__u64 cpages;
	__u64 faults;
};

#define HMM_DMIRROR_READ	_IOWR('H', 0x00, struct hmm_dmirror_cmd)
#define HMM_DMIRROR_WRITE	_IOWR('H', 0x01, struct hmm_dmirror_cmd)

FIXTURE(mirror)
{
	struct machine m;
	struct area a;
	struct area copy;	/* buffer for data that the device reads */
	struct stats before;
	struct stats d;
};

static int device;		/* opened by the test's own process */

/* machine_setup_lazy(), and make the device mirror this process. */
static const char *device_open(struct machine *m)
{
	const char *why = machine_setup_lazy(m);

	device = open("/dev/hmm_dmirror0", O_RDWR);
	if (!why && device < 0)
		why = "kernel without CONFIG_TEST_HMM";
	return why;
}

FIXTURE_SETUP(mirror)
{
	SKIP_SETUP(return, &self->m, device_open(&self->m));
	ASSERT_EQ(0, run_on(self->m.from));
	ASSERT_EQ(0, area_new(&self->a, AREA_PAGES, self->m.from));
	ASSERT_EQ(0, area_new(&self->copy, AREA_PAGES, self->m.from));
	self->copy.seed = self->a.seed;
	ASSERT_EQ(0, stats_read(&self->before));
}

FIXTURE_TEARDOWN_PARENT(mirror)
{
	machine_restore(&self->m);
}

/* Let the device read @a into @buffer, or write @buffer to @a. */
static int device_does(unsigned long what, const struct area *a, const struct area *buffer)
{
	struct hmm_dmirror_cmd cmd = {
		.addr = (uintptr_t)a->base, .ptr = (uintptr_t)buffer->base,
		.npages = a->pages,
	};

	if (ioctl(device, what, &cmd))
		return -errno;
	return cmd.cpages == (__u64)a->pages ? 0 : -EIO;
}

TEST_F(mirror, a_read_by_the_device_moves_marked_pages)
{
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	EXPECT_EQ(AREA_PAGES, area_hinted(&self->a));
	ASSERT_EQ(0, run_on(self->m.to));
	ASSERT_EQ(0, device_does(HMM_DMIRROR_READ, &self->a, &self->copy));
	EXPECT_EQ(0, area_bad(&self->copy));
	EXPECT_EQ(0, area_hinted(&self->a));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(mirror, a_write_by_the_device_moves_marked_pages_and_is_kept)
{
	self->copy.seed += 5;
	area_fill(&self->copy);
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	ASSERT_EQ(0, device_does(HMM_DMIRROR_WRITE, &self->a, &self->copy));
	EXPECT_EQ(0, area_hinted(&self->a));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	self->a.seed = self->copy.seed;
	EXPECT_EQ(0, area_bad(&self->a));
}

/* Without notification it would keep using the old, freed pages. */
TEST_F(mirror, the_device_follows_pages_that_a_touch_has_moved)
{
	int round, node;

	for (round = 0; round < 6; round++) {
		node = round % 2 ? self->m.from : self->m.to;
		ASSERT_EQ(0, device_does(HMM_DMIRROR_READ, &self->a, &self->copy));
		ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
		ASSERT_EQ(0, run_on(node));
		area_read(&self->a);
		EXPECT_EQ(AREA_PAGES, area_on(&self->a, node));
		self->a.seed += 11;
		self->copy.seed = self->a.seed;
		area_fill(&self->a);
		ASSERT_EQ(0, device_does(HMM_DMIRROR_READ, &self->a, &self->copy));
		EXPECT_EQ(0, area_bad(&self->copy));

		self->copy.seed += 7;
		area_fill(&self->copy);
		ASSERT_EQ(0, device_does(HMM_DMIRROR_WRITE, &self->a, &self->copy));
		self->a.seed = self->copy.seed;
		EXPECT_EQ(0, area_bad(&self->a));
		drain_lru();
	}
}

static struct area *beside_copy;

/* The first writer's counter in a page, which only increases. */
static __u64 word(const struct area *a, long page)
{
	__u64 *words = (__u64 *)(a->base + page * page_size());

	return __atomic_load_n(&words[crew_word(page, 0)], __ATOMIC_ACQUIRE);
}

/*
 * The device must not see values older than a value read before. It reads one
 * page at a time, as any mark in between makes it start again.
 */
static int read_by_device(const struct crew *c, long i)
{
	struct area page = area_part(c->a, i % c->a->pages, 1);
	struct area copy = area_part(beside_copy, i % c->a->pages, 1);
	__u64 earlier, seen;

	earlier = word(c->a, i % c->a->pages);
	if (device_does(HMM_DMIRROR_READ, &page, &copy))
		return -EIO;
	seen = word(beside_copy, i % c->a->pages);
	return seen < earlier || seen > word(c->a, i % c->a->pages) ? -ESTALE : 0;
}

TEST_F(mirror, reads_by_the_device_beside_marks_and_writers_are_never_stale)
{
	struct crew c = {
		.a = &self->a, .m = &self->m, .op = read_by_device,
		.times = 4 * AREA_PAGES, .pause = 1000,
	};

	beside_copy = &self->copy;
	ASSERT_EQ(0, crew_run(&c));
	EXPECT_EQ(0, c.lost);
	EXPECT_EQ(0, c.refused);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_LT(0, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, area_bad(&self->a));
}

/*
 * MMU notifiers: marking must notify secondary MMUs before it changes entries,
 * and they must block or drop all mappings of the notified range meanwhile. So
 * each notification covers at most one PUD entry (1 GiB with 4 KiB pages),
 * while its page tables are walked.
 */

#define PIECES		4	/* in the area of the fixture */
#define MOST_PIECES	8	/* in any area */
#define APART		64	/* one page per 1/64 of a piece, 16 MiB, is present */
#define TRIES		20	/* of a call that should drop mmap_lock for another thread */

#define RANGE		" v0=+8($arg1):x64 v1=+16($arg1):x64"

enum { BEGIN, END, WALK };

static const struct probe probes[] = {
	[BEGIN] = { "begin", "__mmu_notifier_invalidate_range_start" RANGE },
	[END] = { "end", "__mmu_notifier_invalidate_range_end" RANGE },
	/* The walk under one hold of mmap_lock */
	[WALK] = { "walk", "mof_mark_range" },
};

/**
 * struct told - notifications of one call that marks
 * @bytes:	sum of their lengths
 * @of:		number of notifications for each piece
 * @wrong:	notifications that do not lie within one piece, or do not end before
 *		the next one begins
 * @untold:	present pages that no notification covers
 * @walks:	number of times the call has taken mmap_lock to walk
 */
struct told {
	long bytes;
	long of[MOST_PIECES];
	long wrong;
	long untold;
	long walks;
};

static long piece_bytes(void)
{
	return pud_pages() * page_size();
}

/* Map @pieces of address space, aligned; no other VMA shares a piece. */
static int map_pieces(struct area *a, long pieces)
{
	struct area all;
	int err = map_reserved(&all, (pieces + 1) * pud_pages());
	long head;

	if (err)
		return err;
	head = (-(uintptr_t)all.base & (piece_bytes() - 1)) / page_size();
	*a = area_part(&all, head, pieces * pud_pages());
	if (head)
		munmap(all.base, head * page_size());
	munmap(a->base + area_bytes(a), (pud_pages() - head) * page_size());
	return 0;
}

/* The @i-th present page of a piece */
static struct area present_page(const struct area *a, long piece, long i)
{
	return area_part(a, piece * pud_pages() + i * (pud_pages() / APART), 1);
}

static void fill_piece(const struct area *a, long piece)
{
	struct area page;
	long i;

	for (i = 0; i < APART; i++) {
		page = present_page(a, piece, i);
		area_fill(&page);
	}
}

/* Number of present pages on a node; reads them, counts bad contents. */
static long pieces_on(const struct area *a, int node, long *bad)
{
	long piece, i, found = 0;
	struct area page;

	for (piece = 0; piece < a->pages / pud_pages(); piece++)
		for (i = 0; i < APART; i++) {
			page = present_page(a, piece, i);
			*bad += area_bad(&page);
			found += page_node(&page, 0) == node;
		}
	return found;
}

static bool overlaps(const struct hit *hit, const struct area *a)
{
	return hit->probe != WALK && hit->value[0] < (uintptr_t)a->base + area_bytes(a) &&
	       hit->value[1] > (uintptr_t)a->base;
}

/* The piece of the area that a notification lies in, or -1. */
static long piece_of(const struct hit *hit, const struct area *a)
{
	unsigned long first = hit->value[0] - (uintptr_t)a->base;
	unsigned long last = hit->value[1] - 1 - (uintptr_t)a->base;

	if (first >= (unsigned long)area_bytes(a) || last >= (unsigned long)area_bytes(a) ||
	    first / piece_bytes() != last / piece_bytes())
		return -1;
	return first / piece_bytes();
}

/* Count a notification; @open is the one that has not ended yet. */
static void add_hit(struct told *t, const struct area *a, const struct hit *hit,
		    const struct hit **open)
{
	long piece = piece_of(hit, a);

	if (hit->probe == BEGIN) {
		t->wrong += *open || piece < 0;
		t->bytes += hit->value[1] - hit->value[0];
		if (piece >= 0)
			t->of[piece]++;
		*open = hit;
	} else {
		t->wrong += !*open || (*open)->value[0] != hit->value[0] ||
			    (*open)->value[1] != hit->value[1];
		*open = NULL;
	}
}

static bool covered(const struct area *page, const struct hit *hits, long nr)
{
	long i;

	for (i = 0; i < nr; i++)
		if (hits[i].probe == BEGIN && overlaps(&hits[i], page))
			return true;
	return false;
}

/* Ignore notifications outside of the area, such as those of page faults. */
static void told_by(struct told *t, const struct area *a, const struct hit *hits, long nr)
{
	const struct hit *open = NULL;
	struct area page;
	long i, piece;

	*t = (struct told) { };
	for (i = 0; i < nr; i++) {
		t->walks += hits[i].probe == WALK;
		if (overlaps(&hits[i], a))
			add_hit(t, a, &hits[i], &open);
	}
	t->wrong += !!open;
	for (piece = 0; piece < a->pages / pud_pages(); piece++)
		for (i = 0; i < APART; i++) {
			page = present_page(a, piece, i);
			t->untold += !covered(&page, hits, nr) && page_entry(&page, 0) & PM_PRESENT;
		}
}

/* Mark under the local policy, and record the notifications. */
static long mark_told(const struct area *a, struct told *t)
{
	struct hit *hits;
	long err, nr;

	err = probes_start(syscall(SYS_gettid));
	if (err)
		return err;
	err = mark(a, MPOL_LOCAL, 0);
	nr = probes_stop(&hits);
	if (nr >= 0)
		told_by(t, a, hits, nr);
	free(hits);
	return err ? : nr < 0 ? nr : 0;
}

FIXTURE(announced)
{
	struct machine m;
	struct area a;		/* PIECES long, each piece with pages on m.from */
	struct told told;
	struct stats before;
	struct stats d;
};

FIXTURE_SETUP(announced)
{
	const char *why = device_open(&self->m);
	long piece;

	if (!why)
		why = probes_add(probes, ARRAY_SIZE(probes));
	if (why) {
		probes_remove();
		machine_restore(&self->m);
		SKIP(return, "%s", why);
	}
	ASSERT_EQ(0, run_on(self->m.from));
	ASSERT_EQ(0, map_pieces(&self->a, PIECES));
	for (piece = 0; piece < PIECES; piece++)
		fill_piece(&self->a, piece);
	drain_lru();
	ASSERT_EQ(0, stats_read(&self->before));
}

FIXTURE_TEARDOWN_PARENT(announced)
{
	probes_remove();
	machine_restore(&self->m);
}

TEST_F(announced, each_gibibyte_of_a_range_is_announced_once_by_itself)
{
	long piece, bad = 0;

	ASSERT_EQ(0, mark_told(&self->a, &self->told));
	EXPECT_EQ(0, self->told.wrong);
	EXPECT_EQ(0, self->told.untold);
	EXPECT_EQ(1, self->told.walks);
	for (piece = 0; piece < PIECES; piece++)
		EXPECT_EQ(1, self->told.of[piece]);
	EXPECT_GE(area_bytes(&self->a), self->told.bytes);
	EXPECT_EQ(PIECES * APART, area_hinted(&self->a));
	ASSERT_EQ(0, run_on(self->m.to));
	EXPECT_EQ(PIECES * APART, pieces_on(&self->a, self->m.to, &bad));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(PIECES * APART, self->d.v[MOF_MARKED]);
	EXPECT_EQ(PIECES * APART, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(0, bad);
}

TEST_F(announced, address_space_without_page_tables_is_not_announced)
{
	struct area sparse, empty;
	long piece;

	ASSERT_EQ(0, map_pieces(&sparse, MOST_PIECES));
	ASSERT_EQ(0, map_pieces(&empty, 2));
	fill_piece(&sparse, 1);
	fill_piece(&sparse, 5);
	drain_lru();
	ASSERT_EQ(0, mark_told(&sparse, &self->told));
	EXPECT_EQ(0, self->told.wrong);
	EXPECT_EQ(0, self->told.untold);
	for (piece = 0; piece < MOST_PIECES; piece++)
		EXPECT_EQ(piece == 1 || piece == 5, self->told.of[piece]);
	EXPECT_EQ(2 * APART, area_hinted(&sparse));
	ASSERT_EQ(0, mark_told(&empty, &self->told));
	EXPECT_EQ(0, self->told.bytes);
	EXPECT_EQ(0, self->told.wrong);
}

/*
 * Each hold of mmap_lock notifies the rest of the piece in which the last one
 * has stopped. Whether another thread waits for the lock during the call
 * depends on the scheduler: retry until one has.
 */
TEST_F(announced, making_way_for_a_thread_that_maps_announces_one_gibibyte_more)
{
	struct mapper mapper;
	long way = 0, bad = 0;
	int tries;

	for (tries = 0; tries < TRIES && !way; tries++) {
		mapper = (struct mapper) { .node = self->m.to };
		ASSERT_EQ(0, mapper_start(&mapper));
		EXPECT_EQ(0, mark_told(&self->a, &self->told));
		mapper_stop(&mapper);
		way = self->told.walks - 1;
		EXPECT_EQ(0, self->told.wrong);
		EXPECT_EQ(0, self->told.untold);
		EXPECT_LE(0, way);
		EXPECT_GE(area_bytes(&self->a) + way * piece_bytes(),
			  self->told.bytes);
	}
	TH_LOG("dropped mmap_lock %ld times in call %d, notified %ld MiB", way, tries,
	       self->told.bytes >> 20);
	EXPECT_EQ(PIECES * APART, area_hinted(&self->a));
	ASSERT_EQ(0, run_on(self->m.to));
	EXPECT_EQ(PIECES * APART, pieces_on(&self->a, self->m.to, &bad));
	EXPECT_EQ(0, bad);
	if (!way)
		SKIP_UNLESS_FAILED(return, "no thread has waited for mmap_lock");
}

#include "lib/main.h"
