// SPDX-License-Identifier: GPL-2.0
/*
 * Touches: kinds of access, one touch per mark, only touched pages move,
 * counters. Accesses by the kernel and by other processes.
 */
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "lib/test.h"

TEST_F(lazy, marking_moves_nothing)
{
	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.from));
	EXPECT_EQ(AREA_PAGES, area_hinted(&self->a));
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_MARKED]);
	EXPECT_EQ(0, self->d.v[MOF_FAULTS]);
	EXPECT_EQ(0, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(0, self->d.v[NUMA_PAGES_MIGRATED]);
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, marking_twice_counts_once)
{
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_MARKED]);
	EXPECT_EQ(AREA_PAGES, area_hinted(&self->a));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, nothing_is_hinted_before_and_after)
{
	EXPECT_FALSE(numa_maps_say_hinted());
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	EXPECT_TRUE(numa_maps_say_hinted());
	area_read(&self->a);
	EXPECT_FALSE(numa_maps_say_hinted());
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, only_present_pages_are_marked)
{
	long i;

	for (i = 0; i < AREA_PAGES; i += 2)
		madvise(self->a.base + i * page_size(), page_size(), MADV_DONTNEED);
	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	EXPECT_EQ(AREA_PAGES / 2, area_hinted(&self->a));
	area_fill(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, a_read_moves_the_page)
{
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, a_write_moves_the_page)
{
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	area_write(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, what_the_touch_writes_is_kept)
{
	struct area b = self->a;

	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	b.seed += 12345;
	area_fill(&b);
	EXPECT_EQ(AREA_PAGES, area_on(&b, self->m.to));
	EXPECT_EQ(0, area_bad(&b));
}

/* Does a write to the area's first page raise a signal? Tried in a child. */
static bool write_is_refused(const struct area *a)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		signal(SIGSEGV, SIG_DFL);
		page_write(a, 0);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

TEST_F(lazy, a_read_only_page_moves_and_stays_read_only)
{
	ASSERT_EQ(0, mprotect(self->a.base, area_bytes(&self->a), PROT_READ));
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_TRUE(write_is_refused(&self->a));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, a_refused_write_to_a_marked_page_still_kills)
{
	ASSERT_EQ(0, mprotect(self->a.base, area_bytes(&self->a), PROT_READ));
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(AREA_PAGES, area_hinted(&self->a));
	EXPECT_TRUE(write_is_refused(&self->a));
	EXPECT_EQ(0, area_bad(&self->a));
}

/* A "return" instruction, planted at the start of each page. */
#if defined(__x86_64__)
static const unsigned char code_return[] = { 0xc3 };
#elif defined(__aarch64__)
static const unsigned char code_return[] = { 0xc0, 0x03, 0x5f, 0xd6 };
#else
static const unsigned char code_return[] = { };
#endif

static void call_each_page(const struct area *a)
{
	long i;

	for (i = 0; i < a->pages; i++)
		((void (*)(void))(a->base + i * page_size()))();
}

static void plant_code(const struct area *a)
{
	char *page;
	long i;

	for (i = 0; i < a->pages; i++) {
		page = a->base + i * page_size();
		memcpy(page, code_return, sizeof(code_return));
		__builtin___clear_cache(page, page + sizeof(code_return));
	}
}

/* Number of pages that differ from their contents beyond the planted bytes. */
static long bad_beside_code(const struct area *a)
{
	long bad = 0;
	__u64 first;
	long i;

	for (i = 0; i < a->pages; i++) {
		first = area_word(a, i, 0);
		memcpy(&first, code_return, sizeof(code_return));
		bad += !!memcmp(&first, a->base + i * page_size(), sizeof(first));
		first = area_word(a, i, 0);
		memcpy(a->base + i * page_size(), &first, sizeof(first));
	}
	return bad + area_bad(a);
}

TEST_F(lazy, an_execution_moves_the_page)
{
	long bytes = area_bytes(&self->a);

	if (!sizeof(code_return))
		SKIP(return, "not implemented for this architecture");
	plant_code(&self->a);
	ASSERT_EQ(0, mprotect(self->a.base, bytes, PROT_READ | PROT_EXEC));
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(AREA_PAGES, area_hinted(&self->a));
	ASSERT_EQ(0, run_on(self->m.to));
	call_each_page(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	ASSERT_EQ(0, mprotect(self->a.base, bytes, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, bad_beside_code(&self->a));
}

TEST_F(lazy, one_touch_uses_the_mark_up)
{
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	area_write(&self->a);
	ASSERT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_hinted(&self->a));

	ASSERT_EQ(0, stats_read(&self->before));
	ASSERT_EQ(0, run_on(self->m.from));
	area_write(&self->a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, self->d.v[MOF_FAULTS]);
	EXPECT_EQ(0, self->d.v[MOF_RESOLVED]);
	EXPECT_EQ(0, area_bad(&self->a));
}

/* A touch consumes the mark of a local page, too. */
TEST_F(lazy, a_local_touch_uses_the_mark_up_as_well)
{
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(AREA_PAGES, area_hinted(&self->a));
	area_read(&self->a);
	EXPECT_EQ(0, area_hinted(&self->a));
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.from));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, marked_again_it_moves_again)
{
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&self->a);
	ASSERT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	drain_lru();
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.from));
	area_read(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.from));
	EXPECT_EQ(0, area_bad(&self->a));
}

/* Touched pages are far apart, so that no run enlarges the window. */
TEST_F(lazy, untouched_pages_stay_and_stay_marked)
{
	long touched = 0;
	long i;

	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	for (i = 0; i < AREA_PAGES; i += 8, touched++)
		page_read(&self->a, i);
	for (i = 0; i < AREA_PAGES; i++)
		EXPECT_EQ(i % 8 ? self->m.from : self->m.to, page_node(&self->a, i));
	EXPECT_EQ(AREA_PAGES - touched, area_hinted(&self->a));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, pages_in_place_are_not_marked)
{
	struct area first = area_part(&self->a, 0, AREA_PAGES / 2);

	ASSERT_EQ(first.pages, area_move(&first, self->m.to));
	drain_lru();
	ASSERT_EQ(0, stats_read(&self->before));
	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES / 2, self->d.v[MOF_MARKED]);
	EXPECT_EQ(AREA_PAGES / 2, area_hinted(&self->a));
	area_read(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, counters_tell_what_happened)
{
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	area_write(&self->a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_MARKED]);
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_RESOLVED]);
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(0, self->d.v[MOF_MIGRATED_THP]);
	EXPECT_EQ(0, self->d.v[MOF_LOCAL]);
	EXPECT_EQ(0, self->d.v[MOF_RETRIED]);
	EXPECT_EQ(0, stats_failed(&self->d));
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(AREA_PAGES, self->d.v[NUMA_PAGES_MIGRATED]);
	EXPECT_LE(AREA_PAGES, self->d.v[PGMIGRATE_SUCCESS]);
	EXPECT_EQ(self->d.v[MOF_FAULTS], self->d.v[NUMA_HINT_FAULTS]);
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_FAULTS] + self->d.v[MOF_WINDOWED]);
	if (faults_are_single())
		EXPECT_EQ(0, self->d.v[MOF_WINDOWED]);
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, counters_reconcile_when_some_pages_move_and_some_are_in_place)
{
	struct area first = area_part(&self->a, 0, AREA_PAGES / 2);

	ASSERT_EQ(first.pages, area_move(&first, self->m.to));
	drain_lru();
	ASSERT_EQ(0, stats_read(&self->before));
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	area_write(&self->a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_MARKED]);
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_RESOLVED]);
	EXPECT_EQ(AREA_PAGES / 2, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(AREA_PAGES / 2, self->d.v[MOF_LOCAL]);
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, area_bad(&self->a));
}

/*
 * The kernel copies from and to user memory at the caller's addresses, which is
 * a touch like any other. A pipe takes a page at a time.
 */
TEST_F(lazy, write_2_from_a_marked_buffer_moves_it)
{
	char *copy = malloc(page_size());
	int fd[2];
	long i;

	ASSERT_EQ(0, pipe(fd));
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	for (i = 0; i < AREA_PAGES; i++) {
		ASSERT_EQ(page_size(), write(fd[1], self->a.base + i * page_size(),
					     page_size()));
		ASSERT_EQ(page_size(), read(fd[0], copy, page_size()));
		EXPECT_EQ(self->m.to, page_node(&self->a, i));
		EXPECT_EQ(0, memcmp(copy, self->a.base + i * page_size(), page_size()));
	}
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, read_2_into_a_marked_buffer_moves_it)
{
	struct area from;
	int fd[2];
	long i;

	ASSERT_EQ(0, area_new(&from, AREA_PAGES, self->m.to));
	ASSERT_EQ(0, pipe(fd));
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	for (i = 0; i < AREA_PAGES; i++) {
		ASSERT_EQ(page_size(), write(fd[1], from.base + i * page_size(),
					     page_size()));
		ASSERT_EQ(page_size(), read(fd[0], self->a.base + i * page_size(),
					    page_size()));
		EXPECT_EQ(self->m.to, page_node(&self->a, i));
	}
	self->a.seed = from.seed;
	EXPECT_EQ(0, area_bad(&self->a));
}

/*
 * Another process that reads our memory. It is forked before the area is
 * filled, so that they share no page, and starts when told through a pipe.
 */
struct onlooker {
	pid_t pid;
	int go;
};

static int look_with_process_vm_readv(pid_t pid, const struct area *a, char *copy)
{
	struct iovec local = { .iov_base = copy, .iov_len = area_bytes(a) };
	struct iovec remote = { .iov_base = a->base, .iov_len = area_bytes(a) };

	return process_vm_readv(pid, &local, 1, &remote, 1, 0) == area_bytes(a) ? 0 : 1;
}

static int look_with_ptrace(pid_t pid, const struct area *a, char *copy)
{
	int status;
	long i;

	if (ptrace(PTRACE_ATTACH, pid, NULL, NULL) || waitpid(pid, &status, __WALL) != pid)
		return 1;
	for (i = 0; i < area_bytes(a); i += sizeof(long)) {
		errno = 0;
		*(long *)(copy + i) = ptrace(PTRACE_PEEKDATA, pid, a->base + i, NULL);
		if (errno)
			return 1;
	}
	return ptrace(PTRACE_DETACH, pid, NULL, NULL) ? 1 : 0;
}

static void onlooker_start(struct onlooker *o, const struct area *a,
			   int (*look)(pid_t pid, const struct area *a, char *copy))
{
	char *copy = malloc(area_bytes(a));
	struct area seen = *a;
	pid_t us = getpid();
	int fd[2];
	char go;

	if (!copy || pipe(fd))
		exit(KSFT_FAIL);
	o->go = fd[1];
	o->pid = fork();
	if (o->pid)
		return;
	close(fd[1]);		/* so that it exits if the test dies */
	if (read(fd[0], &go, 1) != 1 || look(us, a, copy))
		_exit(1);
	seen.base = copy;
	_exit(area_bad(&seen) ? 2 : 0);
}

/* Start reading; returns 0, 1 if it cannot read, or 2 for wrong contents. */
static int onlooker_finish(struct onlooker *o)
{
	int status;

	if (write(o->go, "g", 1) != 1 || waitpid(o->pid, &status, 0) != o->pid)
		return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

TEST_F(lazy, process_vm_readv_reads_through_the_mark)
{
	struct onlooker o;

	ASSERT_EQ(0, madvise(self->a.base, area_bytes(&self->a), MADV_DONTNEED));
	onlooker_start(&o, &self->a, look_with_process_vm_readv);
	ASSERT_EQ(0, area_place(&self->a, self->m.from));
	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	EXPECT_EQ(0, onlooker_finish(&o));
	EXPECT_EQ(AREA_PAGES, area_hinted(&self->a));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.from));
	area_read(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

/* ptrace reads single words, so try one page, with LRU batches drained. */
TEST_F(lazy, ptrace_reads_through_the_mark)
{
	struct area one = area_part(&self->a, 0, 1);
	struct onlooker o;

	ASSERT_EQ(0, madvise(self->a.base, area_bytes(&self->a), MADV_DONTNEED));
	onlooker_start(&o, &one, look_with_ptrace);
	ASSERT_EQ(0, area_place(&self->a, self->m.from));
	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	EXPECT_EQ(0, onlooker_finish(&o));
	EXPECT_EQ(AREA_PAGES, area_hinted(&self->a));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.from));
	area_read(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

#include "lib/main.h"
