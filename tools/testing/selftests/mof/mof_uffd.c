// SPDX-License-Identifier: GPL-2.0
/*
 * Marked memory and userfaultfd(2): write-protection, missing and minor faults,
 * and UFFDIO_MOVE.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "lib/test.h"

/**
 * struct pager - a thread that serves the events of an area
 * @fd:		the userfaultfd
 * @stop:	a pipe: the thread exits when its write end is closed
 * @a:		the area, with the contents for missing pages
 * @wp:		number of write-protect events
 * @missing:	number of missing events
 * @minor:	number of minor events
 */
struct pager {
	pthread_t thread;
	int fd;
	int stop[2];
	struct area a;
	long wp;
	long missing;
	long minor;
};

/* -ENOSYS or -EPERM without userfaultfd, -EINVAL without a feature. */
static int pager_open(struct pager *p, const struct area *a, __u64 features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };

	*p = (struct pager) { .a = *a };
	p->fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (p->fd < 0 || pipe(p->stop))
		return -errno;
	return ioctl(p->fd, UFFDIO_API, &api) ? -errno : 0;
}

static int pager_register(struct pager *p, __u64 mode)
{
	struct uffdio_register reg = {
		.range = { (uintptr_t)p->a.base, area_bytes(&p->a) }, .mode = mode,
	};

	return ioctl(p->fd, UFFDIO_REGISTER, &reg) ? -errno : 0;
}

static int protect(const struct pager *p, const struct area *a, bool on)
{
	struct uffdio_writeprotect wp = {
		.range = { (uintptr_t)a->base, area_bytes(a) },
		.mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	return ioctl(p->fd, UFFDIO_WRITEPROTECT, &wp) ? -errno : 0;
}

static void serve_missing(struct pager *p, long page)
{
	long words = page_size() / (long)sizeof(__u64);
	__u64 *copy = aligned_alloc(page_size(), page_size());
	struct uffdio_copy c = {
		.dst = (uintptr_t)p->a.base + page * page_size(),
		.src = (uintptr_t)copy, .len = page_size(),
	};
	long i;

	for (i = 0; i < words; i++)
		copy[i] = area_word(&p->a, page, i);
	/* Count first: with its page, the touching thread continues. */
	p->missing++;
	ioctl(p->fd, UFFDIO_COPY, &c);
	free(copy);
}

static void serve(struct pager *p, const struct uffd_msg *msg)
{
	long page = (msg->arg.pagefault.address - (uintptr_t)p->a.base) / page_size();
	struct area one = area_part(&p->a, page, 1);
	struct uffdio_continue c = {
		.range = { (uintptr_t)one.base, page_size() },
	};

	if (msg->arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP) {
		p->wp++;
		protect(p, &one, false);
	} else if (msg->arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_MINOR) {
		p->minor++;
		ioctl(p->fd, UFFDIO_CONTINUE, &c);
	} else {
		serve_missing(p, page);
	}
}

static void *serve_all(void *arg)
{
	struct pager *p = arg;
	struct pollfd fds[] = {
		{ .fd = p->fd, .events = POLLIN }, { .fd = p->stop[0] },
	};
	struct uffd_msg msg;

	while (poll(fds, 2, -1) > 0 && !fds[1].revents)
		while (read(p->fd, &msg, sizeof(msg)) == sizeof(msg))
			serve(p, &msg);
	return NULL;
}

static int pager_start(struct pager *p)
{
	return -pthread_create(&p->thread, NULL, serve_all, p);
}

static void pager_stop(struct pager *p)
{
	close(p->stop[1]);
	pthread_join(p->thread, NULL);
	close(p->fd);
}

#define NO_UFFD		"kernel without this feature of userfaultfd"

/* Write-protect an area, and start the pager. */
static const char *protected_start(struct pager *p, const struct area *a)
{
	if (pager_open(p, a, UFFD_FEATURE_PAGEFAULT_FLAG_WP) ||
	    pager_register(p, UFFDIO_REGISTER_MODE_WP))
		return NO_UFFD;
	if (pager_start(p))
		return "cannot start a thread";
	protect(p, a, true);
	return NULL;
}

TEST_F(lazy, uffd_write_protection_survives_mark_and_migration)
{
	struct pager p;
	const char *why = protected_start(&p, &self->a);

	SKIP_IF(return, why);
	ASSERT_EQ(AREA_PAGES, area_with(&self->a, PM_UFFD_WP));
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	EXPECT_EQ(AREA_PAGES, area_hinted(&self->a));
	EXPECT_EQ(AREA_PAGES, area_with(&self->a, PM_UFFD_WP));
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(AREA_PAGES, area_with(&self->a, PM_UFFD_WP));
	EXPECT_EQ(0, p.wp);
	area_write(&self->a);
	EXPECT_EQ(AREA_PAGES, p.wp);
	EXPECT_EQ(0, area_with(&self->a, PM_UFFD_WP));
	pager_stop(&p);
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, a_write_to_a_marked_page_raises_the_uffd_event_and_moves_it)
{
	struct area new = self->a;
	struct pager p;
	const char *why = protected_start(&p, &self->a);

	SKIP_IF(return, why);
	ASSERT_EQ(AREA_PAGES, area_with(&self->a, PM_UFFD_WP));
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	new.seed += 3;
	area_fill(&new);
	EXPECT_EQ(AREA_PAGES, p.wp);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	pager_stop(&p);
	EXPECT_EQ(0, area_bad(&new));
}

TEST_F(lazy, uffd_write_protection_of_marked_pages_holds)
{
	struct pager p;

	if (pager_open(&p, &self->a, UFFD_FEATURE_PAGEFAULT_FLAG_WP) ||
	    pager_register(&p, UFFDIO_REGISTER_MODE_WP))
		SKIP(return, NO_UFFD);
	ASSERT_EQ(0, pager_start(&p));
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, protect(&p, &self->a, true));
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&self->a);
	EXPECT_EQ(0, p.wp);
	EXPECT_EQ(AREA_PAGES, area_with(&self->a, PM_UFFD_WP));
	area_write(&self->a);
	EXPECT_EQ(AREA_PAGES, p.wp);
	EXPECT_EQ(0, area_hinted(&self->a));
	pager_stop(&p);
	EXPECT_EQ(0, area_bad(&self->a));
}

static struct pager *beside_pager;

static int protect_all(const struct crew *c, long i)
{
	return protect(beside_pager, c->a, true);
}

TEST_F(lazy, uffd_write_protection_beside_marks_and_writers_loses_no_write)
{
	struct crew c = {
		.a = &self->a, .m = &self->m, .op = protect_all, .times = 20,
	};
	struct pager p;
	const char *why = protected_start(&p, &self->a);

	SKIP_IF(return, why);
	ASSERT_EQ(AREA_PAGES, area_with(&self->a, PM_UFFD_WP));
	beside_pager = &p;
	ASSERT_EQ(0, crew_run(&c));
	EXPECT_EQ(0, c.lost);
	EXPECT_EQ(0, c.refused);
	EXPECT_LT(AREA_PAGES, p.wp);
	EXPECT_EQ(0, area_bad(&self->a));
	pager_stop(&p);
	EXPECT_EQ(0, area_hinted(&self->a));
}

TEST_F(lazy, missing_pages_between_marked_ones_raise_uffd_events)
{
	struct pager p;
	long i;

	if (pager_open(&p, &self->a, 0) ||
	    pager_register(&p, UFFDIO_REGISTER_MODE_MISSING))
		SKIP(return, NO_UFFD);
	ASSERT_EQ(0, pager_start(&p));
	for (i = 0; i < AREA_PAGES; i += 2)
		madvise(self->a.base + i * page_size(), page_size(), MADV_DONTNEED);
	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	EXPECT_EQ(AREA_PAGES / 2, area_hinted(&self->a));
	EXPECT_EQ(0, area_bad(&self->a));
	EXPECT_EQ(AREA_PAGES / 2, p.missing);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	pager_stop(&p);
}

TEST_F(lazy, minor_faults_of_shared_memory_raise_uffd_events_and_it_moves)
{
	int fd = memfd_create("mof", 0);
	struct area cache, a;
	struct pager p;

	ASSERT_EQ(0, ftruncate(fd, AREA_PAGES * page_size()));
	ASSERT_EQ(0, area_map_file(&cache, AREA_PAGES, PROT_READ | PROT_WRITE,
				   MAP_SHARED, fd));
	ASSERT_EQ(0, area_place(&cache, self->m.from));
	ASSERT_EQ(0, area_map_file(&a, AREA_PAGES, PROT_READ | PROT_WRITE,
				   MAP_SHARED, fd));
	a.seed = cache.seed;
	area_free(&cache);
	if (pager_open(&p, &a, UFFD_FEATURE_MINOR_SHMEM) ||
	    pager_register(&p, UFFDIO_REGISTER_MODE_MINOR))
		SKIP(return, NO_UFFD);
	ASSERT_EQ(0, pager_start(&p));
	area_read(&a);
	EXPECT_EQ(AREA_PAGES, p.minor);
	drain_lru();
	ASSERT_EQ(0, mark(&a, MPOL_BIND, NODE_MASK(self->m.to)));
	EXPECT_EQ(AREA_PAGES, area_hinted(&a));
	area_read(&a);
	EXPECT_EQ(AREA_PAGES, p.minor);
	EXPECT_EQ(AREA_PAGES, area_on(&a, self->m.to));
	pager_stop(&p);
	EXPECT_EQ(0, area_bad(&a));
}

TEST_F(lazy, uffdio_move_takes_marked_pages_along_with_their_contents)
{
	struct area target;
	struct pager p;
	struct uffdio_move move;

	ASSERT_EQ(0, area_map(&target, AREA_PAGES));
	target.seed = self->a.seed;
	if (pager_open(&p, &target, UFFD_FEATURE_MOVE) ||
	    pager_register(&p, UFFDIO_REGISTER_MODE_MISSING))
		SKIP(return, NO_UFFD);
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	move = (struct uffdio_move) {
		.dst = (uintptr_t)target.base, .src = (uintptr_t)self->a.base,
		.len = area_bytes(&target),
	};
	ASSERT_EQ(0, ioctl(p.fd, UFFDIO_MOVE, &move));
	EXPECT_EQ(AREA_PAGES, area_absent(&self->a));
	ASSERT_EQ(0, pager_start(&p));
	ASSERT_EQ(0, run_on(self->m.to));
	EXPECT_EQ(0, area_bad(&target));
	EXPECT_EQ(0, p.missing);
	EXPECT_EQ(0, area_hinted(&target));
	area_write(&target);
	pager_stop(&p);
	EXPECT_EQ(0, area_not_zero(&self->a));
}

#include "lib/main.h"
