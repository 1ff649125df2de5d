// SPDX-License-Identifier: GPL-2.0
/*
 * A secondary MMU: the device of lib/test_hmm.c, which mirrors the memory of a
 * process. Its accesses are touches, and what it has mapped follows migration.
 */
#include <fcntl.h>
#include <sys/ioctl.h>

#include "mof_test.h"

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
	struct area copy;	/* where the device puts what it reads */
	struct stats before;
	struct stats d;
};

static int device;		/* of the test's own process */

FIXTURE_SETUP(mirror)
{
	const char *why = machine_setup(&self->m);

	if (!why)
		why = have_lazy() ? NULL : NO_LAZY;
	device = open("/dev/hmm_dmirror0", O_RDWR);
	if (!why && device < 0)
		why = "kernel without CONFIG_TEST_HMM";
	if (why) {
		machine_restore(&self->m);
		SKIP(return, "%s", why);
	}
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

/* Had it not been told, it would go on with the pages that are no longer ours. */
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

/* What the first of the writers has written, ever more, to a page. */
static __u64 word(const struct area *a, long page)
{
	__u64 *words = (__u64 *)(a->base + page * page_size());

	return __atomic_load_n(&words[crew_word(page, 0)], __ATOMIC_ACQUIRE);
}

/*
 * What the device sees is not older than what was there before. It looks at one
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

#include "mof_main.h"
