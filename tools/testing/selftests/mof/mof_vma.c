// SPDX-License-Identifier: GPL-2.0
/*
 * Marked ranges under fork(2) and under all operations on mappings.
 */
#include "lib/test.h"

/*
 * A child that executes one step at a time on request, and returns the result,
 * so that the parent stays on its node and in control of the order.
 */
struct helper {
	pid_t pid;
	int ask;
	int answer;
};

static void helper_loop(int ask, int answer, const struct area *a,
			long (*step)(const struct area *a, char what))
{
	long result;
	char what;

	while (read(ask, &what, 1) == 1) {
		result = step(a, what);
		if (write(answer, &result, sizeof(result)) != sizeof(result))
			break;
	}
	_exit(0);
}

static void helper_start(struct helper *h, const struct area *a,
			 long (*step)(const struct area *a, char what))
{
	int ask[2], answer[2];

	if (pipe(ask) || pipe(answer))
		exit(KSFT_FAIL);
	h->ask = ask[1];
	h->answer = answer[0];
	h->pid = fork();
	if (h->pid)
		return;
	close(ask[1]);
	close(answer[0]);
	helper_loop(ask[0], answer[1], a, step);
}

static long helper_do(struct helper *h, char what)
{
	long result = -EIO;

	if (write(h->ask, &what, 1) != 1 ||
	    read(h->answer, &result, sizeof(result)) != sizeof(result))
		return -EIO;
	return result;
}

static void helper_stop(struct helper *h)
{
	close(h->ask);
	waitpid(h->pid, NULL, 0);
}

static long step(const struct area *a, char what)
{
	switch (what) {
	case 'r':
		area_read(a);
		return 0;
	case 'w':
		area_write(a);
		return 0;
	case 'h':
		return area_hinted(a);
	case 'b':
		return area_bad(a);
	}
	return -EINVAL;
}

/* fork(2) */

TEST_F(lazy, fork_keeps_the_mark_in_both_and_shared_pages_stay)
{
	struct helper h;

	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	helper_start(&h, &self->a, step);
	EXPECT_EQ(AREA_PAGES, area_hinted(&self->a));
	EXPECT_EQ(AREA_PAGES, helper_do(&h, 'h'));
	EXPECT_EQ(0, helper_do(&h, 'r'));
	area_read(&self->a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.from));
	EXPECT_EQ(AREA_PAGES, area_on_as(&self->a, self->m.from, h.pid));
	EXPECT_EQ(2 * AREA_PAGES, self->d.v[MOF_RESOLVED]);
	EXPECT_EQ(2 * AREA_PAGES, self->d.v[MOF_FAILED_SHARED]);
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, helper_do(&h, 'b'));
	helper_stop(&h);
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, after_the_child_is_gone_marked_pages_move_again)
{
	struct helper h;

	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	helper_start(&h, &self->a, step);
	helper_stop(&h);
	area_read(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, write_after_fork_copies_and_both_keep_their_contents)
{
	struct area ours = self->a;
	struct helper h;

	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	ASSERT_EQ(AREA_PAGES, area_hinted(&self->a));
	helper_start(&h, &self->a, step);
	ours.seed += 1;
	area_fill(&ours);
	EXPECT_EQ(AREA_PAGES, area_on(&ours, self->m.to));
	EXPECT_EQ(0, helper_do(&h, 'b'));
	EXPECT_EQ(0, helper_do(&h, 'w'));
	EXPECT_EQ(0, helper_do(&h, 'b'));
	helper_stop(&h);
	EXPECT_EQ(0, area_bad(&ours));
}

TEST_F(lazy, move_does_not_mark_pages_shared_with_a_child)
{
	struct helper h;

	helper_start(&h, &self->a, step);
	EXPECT_EQ(0, area_mbind(&self->a, MPOL_BIND, NODE_MASK(self->m.to),
				MOF_LAZY_MOVE | MPOL_MF_STRICT));
	area_read(&self->a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, self->d.v[MOF_MARKED]);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.from));
	EXPECT_EQ(0, helper_do(&h, 'b'));
	helper_stop(&h);
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, move_all_moves_pages_shared_with_a_child_for_both)
{
	struct helper h;

	helper_start(&h, &self->a, step);
	ASSERT_EQ(0, area_mbind(&self->a, MPOL_BIND, NODE_MASK(self->m.to),
				MOF_LAZY_MOVE_ALL));
	EXPECT_EQ(AREA_PAGES, area_hinted(&self->a));
	area_read(&self->a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(AREA_PAGES, area_on_as(&self->a, self->m.to, h.pid));
	EXPECT_EQ(0, helper_do(&h, 'b'));
	helper_stop(&h);
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, marking_with_fewer_rights_leaves_those_of_before)
{
	struct helper h;

	ASSERT_EQ(0, area_mbind(&self->a, MPOL_BIND, NODE_MASK(self->m.to),
				MOF_LAZY_MOVE_ALL));
	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	helper_start(&h, &self->a, step);
	area_read(&self->a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_MARKED]);
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(AREA_PAGES, area_on_as(&self->a, self->m.to, h.pid));
	helper_stop(&h);
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, a_child_touches_what_move_all_marked_in_the_parent_later)
{
	struct helper h;

	ASSERT_EQ(0, area_mbind(&self->a, MPOL_BIND, NODE_MASK(self->m.to),
				MOF_LAZY_MOVE_ALL));
	helper_start(&h, &self->a, step);
	EXPECT_EQ(0, helper_do(&h, 'r'));
	EXPECT_EQ(0, helper_do(&h, 'b'));
	area_read(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	helper_stop(&h);
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, the_child_that_exits_or_unmaps_leaves_ours_alone)
{
	struct helper h;

	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	helper_start(&h, &self->a, step);
	kill(h.pid, SIGKILL);
	helper_stop(&h);
	EXPECT_EQ(AREA_PAGES, area_hinted(&self->a));
	ASSERT_EQ(0, run_on(self->m.to));
	area_write(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

/* mprotect(2): marks may get lost, contents and protection may not. */

/* Number of pages that are on neither of the two nodes. */
static long elsewhere(const struct area *a, const struct machine *m)
{
	return a->pages - area_on(a, m->from) - area_on(a, m->to);
}

TEST_F(lazy, mprotect_to_none_and_back_keeps_contents)
{
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(AREA_PAGES, area_hinted(&self->a));
	ASSERT_EQ(0, mprotect(self->a.base, area_bytes(&self->a), PROT_NONE));
	ASSERT_EQ(0, mprotect(self->a.base, area_bytes(&self->a),
			      PROT_READ | PROT_WRITE));
	ASSERT_EQ(0, run_on(self->m.to));
	area_write(&self->a);
	EXPECT_EQ(0, elsewhere(&self->a, &self->m));
	EXPECT_EQ(0, area_hinted(&self->a));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, mprotect_to_read_only_and_back_keeps_contents)
{
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(AREA_PAGES, area_hinted(&self->a));
	ASSERT_EQ(0, mprotect(self->a.base, area_bytes(&self->a), PROT_READ));
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&self->a);
	ASSERT_EQ(0, mprotect(self->a.base, area_bytes(&self->a),
			      PROT_READ | PROT_WRITE));
	area_write(&self->a);
	EXPECT_EQ(0, elsewhere(&self->a, &self->m));
	EXPECT_EQ(0, area_hinted(&self->a));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, mprotect_of_a_part_leaves_the_rest_marked)
{
	struct area first = area_part(&self->a, 0, AREA_PAGES / 2);
	struct area last = area_part(&self->a, AREA_PAGES / 2, AREA_PAGES / 2);

	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, mprotect(first.base, area_bytes(&first), PROT_READ));
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&self->a);
	EXPECT_EQ(last.pages, area_on(&last, self->m.to));
	EXPECT_EQ(0, elsewhere(&first, &self->m));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, inaccessible_vmas_are_not_marked)
{
	long bytes = area_bytes(&self->a);

	ASSERT_EQ(0, mprotect(self->a.base, bytes, PROT_NONE));
	EXPECT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, self->d.v[MOF_MARKED]);
	ASSERT_EQ(0, mprotect(self->a.base, bytes, PROT_READ | PROT_WRITE));
	ASSERT_EQ(0, run_on(self->m.to));
	area_write(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.from));
	EXPECT_EQ(0, area_bad(&self->a));
}

/* mremap(2), munmap(2), madvise(2), mlock(2) */

TEST_F(lazy, mremap_takes_the_marks_along)
{
	struct area target;

	ASSERT_EQ(0, area_map(&target, AREA_PAGES));
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(target.base, mremap(self->a.base, area_bytes(&self->a),
				      area_bytes(&self->a),
				      MREMAP_MAYMOVE | MREMAP_FIXED, target.base));
	self->a.base = target.base;
	EXPECT_EQ(AREA_PAGES, area_hinted(&self->a));
	ASSERT_EQ(0, run_on(self->m.to));
	area_write(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, munmap_of_a_part_leaves_the_rest_marked)
{
	struct area first = area_part(&self->a, 0, AREA_PAGES / 2);
	struct area last = area_part(&self->a, AREA_PAGES / 2, AREA_PAGES / 2);

	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, munmap(first.base, area_bytes(&first)));
	EXPECT_EQ(last.pages, area_hinted(&self->a));
	ASSERT_EQ(0, run_on(self->m.to));
	area_write(&last);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(last.pages, area_on(&last, self->m.to));
	EXPECT_EQ(last.pages, self->d.v[MOF_RESOLVED]);
	EXPECT_EQ(0, area_bad(&last));
}

TEST_F(lazy, dontneed_gives_zeroes_in_the_right_place)
{
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(AREA_PAGES, area_hinted(&self->a));
	ASSERT_EQ(0, madvise(self->a.base, area_bytes(&self->a), MADV_DONTNEED));
	EXPECT_EQ(0, area_hinted(&self->a));
	ASSERT_EQ(0, run_on(self->m.to));
	EXPECT_EQ(0, area_not_zero(&self->a));
	area_fill(&self->a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, self->d.v[MOF_RESOLVED]);
	EXPECT_EQ(0, area_bad(&self->a));
}

/* Without pressure, lazily freed pages keep their contents. */
TEST_F(lazy, madv_free_pages_are_old_or_zero_and_writable)
{
	long i;

	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(AREA_PAGES, area_hinted(&self->a));
	ASSERT_EQ(0, madvise(self->a.base, area_bytes(&self->a), MADV_FREE));
	ASSERT_EQ(0, run_on(self->m.to));
	for (i = 0; i < AREA_PAGES; i++) {
		struct area one = area_part(&self->a, i, 1);

		EXPECT_TRUE(!area_bad(&one) || !area_not_zero(&one));
	}
	EXPECT_EQ(0, area_hinted(&self->a));
	area_fill(&self->a);
	EXPECT_EQ(0, elsewhere(&self->a, &self->m));
	EXPECT_EQ(0, area_bad(&self->a));
}

/* Lazily freed and not written since: not swap-backed, yet in use. */
TEST_F(lazy, marking_after_madv_free_and_writing_keeps_what_was_written)
{
	ASSERT_EQ(0, madvise(self->a.base, area_bytes(&self->a), MADV_FREE));
	drain_lru();
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(AREA_PAGES, area_hinted(&self->a));
	ASSERT_EQ(0, run_on(self->m.to));
	area_fill(&self->a);
	EXPECT_EQ(0, elsewhere(&self->a, &self->m));
	EXPECT_EQ(0, area_hinted(&self->a));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, locked_memory_moves_and_stays_locked)
{
	long kb = area_bytes(&self->a) / 1024;

	ASSERT_EQ(0, mlock(self->a.base, area_bytes(&self->a)));
	drain_lru();
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	EXPECT_EQ(AREA_PAGES, area_hinted(&self->a));
	ASSERT_EQ(0, run_on(self->m.to));
	area_write(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(kb, area_smaps_kb(&self->a, "Locked"));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, locking_marked_memory_keeps_contents)
{
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(AREA_PAGES, area_hinted(&self->a));
	ASSERT_EQ(0, run_on(self->m.to));
	ASSERT_EQ(0, mlock(self->a.base, area_bytes(&self->a)));
	area_write(&self->a);
	EXPECT_EQ(0, elsewhere(&self->a, &self->m));
	EXPECT_EQ(0, area_hinted(&self->a));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, a_process_that_exits_or_execs_frees_its_marked_pages)
{
	int status;
	pid_t pid;

	ASSERT_EQ(0, madvise(self->a.base, area_bytes(&self->a), MADV_DONTNEED));
	for (int exec = 0; exec < 2; exec++) {
		pid = fork();
		if (!pid) {
			if (area_place(&self->a, self->m.from) ||
			    mark(&self->a, MPOL_LOCAL, 0) ||
			    area_hinted(&self->a) != AREA_PAGES)
				_exit(1);
			if (exec)
				execl("/bin/true", "true", NULL);
			_exit(0);
		}
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status);
	}
	ASSERT_EQ(0, area_place(&self->a, self->m.from));
	EXPECT_EQ(0, area_bad(&self->a));
}

/* A range across several VMAs, some writable and some not. */
TEST_F(lazy, a_range_of_several_vmas_is_marked_throughout)
{
	struct area mid = area_part(&self->a, AREA_PAGES / 4, AREA_PAGES / 2);

	ASSERT_EQ(0, mprotect(mid.base, area_bytes(&mid), PROT_READ));
	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	EXPECT_EQ(AREA_PAGES, area_hinted(&self->a));
	area_read(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

#include "lib/main.h"
