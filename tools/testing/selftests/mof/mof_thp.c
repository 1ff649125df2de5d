// SPDX-License-Identifier: GPL-2.0
/*
 * Transparent huge pages: marked, faulted and moved as one unit.
 */
#include <sys/resource.h>

#include "lib/test.h"

#define SEVERAL		8	/* THPs */
#define FAULTS_BESIDE	4	/* of the process's own code and data */

FIXTURE(thp)
{
	struct machine m;
	struct area a;		/* one THP on m.from */
	struct stats before;
	struct stats d;
};

FIXTURE_SETUP(thp)
{
	const char *why = machine_setup_lazy(&self->m);

	if (!why)
		why = thp_missing();
	SKIP_SETUP(return, &self->m, why);
	ASSERT_EQ(0, run_on(self->m.from));
	ASSERT_EQ(0, area_new_thp(&self->a, 1, self->m.from));
	ASSERT_EQ(0, stats_read(&self->before));
}

FIXTURE_TEARDOWN_PARENT(thp)
{
	machine_restore(&self->m);
}

static bool is_whole(const struct area *a)
{
	return area_smaps_kb(a, "AnonHugePages") == area_bytes(a) / 1024;
}

static long splits(const struct stats *d)
{
	return d->v[THP_SPLIT_PAGE] + d->v[THP_SPLIT_PMD] + d->v[THP_MIGRATION_SPLIT];
}

TEST_F(thp, marking_counts_base_pages_and_moves_nothing)
{
	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(self->a.pages, self->d.v[MOF_MARKED]);
	EXPECT_EQ(self->a.pages, area_hinted(&self->a));
	EXPECT_EQ(self->a.pages, area_on(&self->a, self->m.from));
	EXPECT_EQ(0, splits(&self->d));
	EXPECT_TRUE(is_whole(&self->a));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(thp, one_touch_moves_it_whole)
{
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	page_read(&self->a, self->a.pages / 3);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(self->a.pages, area_on(&self->a, self->m.to));
	EXPECT_TRUE(is_whole(&self->a));
	EXPECT_EQ(0, area_hinted(&self->a));
	EXPECT_EQ(1, self->d.v[MOF_FAULTS]);
	EXPECT_EQ(1, self->d.v[MOF_MIGRATED_THP]);
	EXPECT_EQ(1, self->d.v[THP_MIGRATION_SUCCESS]);
	EXPECT_EQ(self->a.pages, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(self->a.pages, self->d.v[MOF_RESOLVED]);
	EXPECT_EQ(0, splits(&self->d));
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(thp, a_write_moves_it_whole_and_is_kept)
{
	struct area b = self->a;

	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	b.seed += 17;
	area_fill(&b);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(b.pages, area_on(&b, self->m.to));
	EXPECT_TRUE(is_whole(&b));
	EXPECT_EQ(0, splits(&self->d));
	EXPECT_EQ(1, self->d.v[MOF_FAULTS]);
	EXPECT_EQ(0, area_bad(&b));
}

static long minor_faults(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_SELF, &usage) ? -errno : usage.ru_minflt;
}

/* Write once to each of several marked THPs, with or without a read before. */
static void one_fault_each(struct __test_metadata *_metadata, const struct machine *m,
			   bool read_first)
{
	struct stats before, d;
	struct area a;
	long i, faults;

	ASSERT_EQ(0, area_new_thp(&a, SEVERAL, m->from));
	ASSERT_EQ(0, mark(&a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(m->to));
	ASSERT_EQ(0, stats_read(&before));
	faults = minor_faults();
	for (i = 0; i < a.pages; i += thp_pages()) {
		if (read_first)
			page_read(&a, i);
		page_write(&a, i);
	}
	faults = minor_faults() - faults;
	ASSERT_EQ(0, stats_since(&before, &d));
	EXPECT_EQ(a.pages, area_on(&a, m->to));
	EXPECT_EQ(SEVERAL, d.v[MOF_MIGRATED_THP]);
	EXPECT_EQ(SEVERAL, d.v[MOF_FAULTS]);
	EXPECT_EQ(SEVERAL, d.v[NUMA_HINT_FAULTS]);
	EXPECT_GE(SEVERAL + FAULTS_BESIDE, faults);
	EXPECT_EQ(0, splits(&d));
	EXPECT_TRUE(is_whole(&a));
	EXPECT_EQ(0, stats_unreconciled(&d));
	EXPECT_EQ(0, area_bad(&a));
}

/* Migration maps it writable. */
TEST_F(thp, a_write_that_moves_it_takes_one_fault)
{
	one_fault_each(_metadata, &self->m, false);
}

TEST_F(thp, a_write_after_the_read_that_moves_it_takes_no_fault)
{
	one_fault_each(_metadata, &self->m, true);
}

TEST_F(thp, in_place_it_is_not_marked)
{
	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.from)));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, self->d.v[MOF_MARKED]);
	EXPECT_TRUE(is_whole(&self->a));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(thp, touched_locally_it_stays_and_is_counted_local)
{
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	page_write(&self->a, 0);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(self->a.pages, self->d.v[MOF_LOCAL]);
	EXPECT_EQ(self->a.pages, area_on(&self->a, self->m.from));
	EXPECT_EQ(0, area_hinted(&self->a));
	EXPECT_EQ(0, splits(&self->d));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(thp, several_in_a_range_move_one_by_one)
{
	struct area three, second;

	ASSERT_EQ(0, area_new_thp(&three, 3, self->m.from));
	second = area_part(&three, thp_pages(), thp_pages());
	ASSERT_EQ(0, stats_read(&self->before));
	ASSERT_EQ(0, mark(&three, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	page_read(&second, 1);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(3 * thp_pages(), self->d.v[MOF_MARKED]);
	EXPECT_EQ(1, self->d.v[MOF_MIGRATED_THP]);
	EXPECT_EQ(thp_pages(), area_on(&second, self->m.to));
	EXPECT_EQ(2 * thp_pages(), area_on(&three, self->m.from));
	EXPECT_EQ(2 * thp_pages(), area_hinted(&three));
	EXPECT_TRUE(is_whole(&three));
	EXPECT_EQ(0, area_bad(&three));
}

TEST_F(thp, one_touch_uses_the_mark_up)
{
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	page_read(&self->a, 0);
	ASSERT_EQ(0, stats_read(&self->before));
	ASSERT_EQ(0, run_on(self->m.from));
	area_write(&self->a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, self->d.v[MOF_FAULTS]);
	EXPECT_EQ(self->a.pages, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

/* The range splits the mapping of the THP into PTEs. */
TEST_F(thp, half_of_it_in_the_range_keeps_contents)
{
	struct area half = area_part(&self->a, 0, self->a.pages / 2);

	ASSERT_EQ(0, mark(&half, MPOL_BIND, NODE_MASK(self->m.to)));
	EXPECT_LT(0, area_hinted(&half));
	area_write(&self->a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, self->d.v[THP_SPLIT_PAGE]);
	EXPECT_EQ(self->a.pages, area_on(&self->a, self->m.from) +
				 area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_hinted(&self->a));
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(thp, shared_after_fork_it_stays_whole)
{
	int status;
	pid_t pid;

	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	pid = fork();
	if (!pid) {
		page_read(&self->a, 7);
		_exit(area_bad(&self->a) ? 1 : 0);
	}
	page_read(&self->a, 3);
	EXPECT_EQ(0, area_bad(&self->a));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	/* The thread that touches last may find the other one exiting. */
	EXPECT_EQ(2 * self->a.pages, self->d.v[MOF_RESOLVED]);
	EXPECT_LE(self->a.pages, self->d.v[MOF_FAILED_SHARED]);
	EXPECT_EQ(0, self->d.v[MOF_LOCAL]);
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, splits(&self->d));
	EXPECT_TRUE(is_whole(&self->a));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(thp, move_all_moves_a_shared_one_whole_for_both)
{
	int go[2], status;
	char c;
	pid_t pid;

	ASSERT_EQ(0, pipe(go));
	pid = fork();
	if (!pid) {
		close(go[1]);
		_exit(read(go[0], &c, 1) || area_bad(&self->a) ? 1 : 0);
	}
	ASSERT_EQ(0, stats_read(&self->before));
	EXPECT_EQ(0, area_mbind(&self->a, MPOL_BIND, NODE_MASK(self->m.to),
				MOF_LAZY_MOVE_ALL));
	page_read(&self->a, 0);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(1, self->d.v[MOF_MIGRATED_THP]);
	EXPECT_EQ(self->a.pages, area_on(&self->a, self->m.to));
	EXPECT_EQ(self->a.pages, area_on_as(&self->a, self->m.to, pid));
	EXPECT_EQ(0, splits(&self->d));
	close(go[1]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(thp, locked_it_moves_whole)
{
	ASSERT_EQ(0, mlock(self->a.base, area_bytes(&self->a)));
	drain_lru();
	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	page_write(&self->a, 0);
	EXPECT_EQ(self->a.pages, area_on(&self->a, self->m.to));
	EXPECT_TRUE(is_whole(&self->a));
	EXPECT_EQ(area_bytes(&self->a) / 1024, area_smaps_kb(&self->a, "Locked"));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(thp, mremap_takes_the_mark_along)
{
	struct area target;

	ASSERT_EQ(0, area_new_thp(&target, 1, self->m.from));
	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	ASSERT_EQ(target.base, mremap(self->a.base, area_bytes(&self->a),
				      area_bytes(&self->a),
				      MREMAP_MAYMOVE | MREMAP_FIXED, target.base));
	self->a.base = target.base;
	EXPECT_EQ(self->a.pages, area_hinted(&self->a));
	page_read(&self->a, 0);
	EXPECT_EQ(self->a.pages, area_on(&self->a, self->m.to));
	EXPECT_TRUE(is_whole(&self->a));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(thp, pinned_before_it_is_not_marked_and_strict_says_so)
{
	int pins = pin_pages(&self->a);

	SKIP_UNLESS_PINNED(return, pins);
	ASSERT_EQ(0, stats_read(&self->before));
	EXPECT_EQ(-EIO, area_mbind(&self->a, MPOL_BIND, NODE_MASK(self->m.to),
				   MOF_LAZY_MOVE | MPOL_MF_STRICT));
	area_write(&self->a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, self->d.v[MOF_MARKED]);
	EXPECT_EQ(self->a.pages, area_on(&self->a, self->m.from));
	EXPECT_TRUE(is_whole(&self->a));
	close(pins);
	EXPECT_EQ(0, area_bad(&self->a));
}

/* The access faults twice, not three times. */
TEST_F(thp, a_referenced_one_is_tried_twice_and_stays_whole)
{
	struct area held = area_part(&self->a, self->a.pages / 2, 1);
	int ends[2];

	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, hold_pages(&held, ends));
	ASSERT_EQ(self->a.pages, area_hinted(&self->a));
	ASSERT_EQ(0, run_on(self->m.to));
	ASSERT_EQ(0, stats_read(&self->before));
	page_write(&self->a, 0);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(2, self->d.v[MOF_FAULTS]);
	EXPECT_EQ(self->a.pages, self->d.v[MOF_RETRIED]);
	EXPECT_EQ(self->a.pages, self->d.v[MOF_FAILED_BUSY]);
	EXPECT_EQ(self->a.pages, self->d.v[MOF_RESOLVED]);
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(self->a.pages, area_on(&self->a, self->m.from));
	EXPECT_EQ(0, area_hinted(&self->a));
	EXPECT_EQ(0, splits(&self->d));
	EXPECT_TRUE(is_whole(&self->a));
	EXPECT_EQ(0, area_bad(&self->a));

	release_pages(ends);
	drain_lru();
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	page_read(&self->a, 0);
	EXPECT_EQ(self->a.pages, area_on(&self->a, self->m.to));
	EXPECT_TRUE(is_whole(&self->a));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(thp, dontneed_of_a_part_of_a_marked_one_keeps_the_rest)
{
	struct area first = area_part(&self->a, 0, self->a.pages / 2);
	struct area last = area_part(&self->a, first.pages, self->a.pages - first.pages);

	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	ASSERT_EQ(self->a.pages, area_hinted(&self->a));
	ASSERT_EQ(0, madvise(first.base, area_bytes(&first), MADV_DONTNEED));
	EXPECT_EQ(0, area_not_zero(&first));
	area_write(&last);
	EXPECT_EQ(0, area_hinted(&self->a));
	EXPECT_EQ(0, area_bad(&last));
}

TEST_F(thp, mprotect_of_a_marked_one_keeps_contents)
{
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(self->a.pages, area_hinted(&self->a));
	ASSERT_EQ(0, mprotect(self->a.base, area_bytes(&self->a), PROT_NONE));
	ASSERT_EQ(0, mprotect(self->a.base, area_bytes(&self->a), PROT_READ | PROT_WRITE));
	ASSERT_EQ(0, run_on(self->m.to));
	area_write(&self->a);
	EXPECT_EQ(0, area_hinted(&self->a));
	EXPECT_TRUE(is_whole(&self->a));
	EXPECT_EQ(0, area_bad(&self->a));
}

/* The same for a huge page of shared memory. */
TEST_F(thp, one_of_shared_memory_moves_whole)
{
	int fd = memfd_create("mof", 0);
	long kb = thp_size() / 1024;
	struct area shm;

	if (write_text(SHMEM_THP, "advise"))
		SKIP(return, "kernel without huge pages in shared memory");
	ASSERT_EQ(0, area_new_shared_thp(&shm, fd, self->m.from));
	ASSERT_EQ(0, stats_read(&self->before));
	ASSERT_EQ(0, mark(&shm, MPOL_BIND, NODE_MASK(self->m.to)));
	EXPECT_EQ(shm.pages, area_hinted(&shm));
	page_write(&shm, 5);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(shm.pages, area_on(&shm, self->m.to));
	EXPECT_EQ(kb, area_smaps_kb(&shm, "ShmemPmdMapped"));
	EXPECT_EQ(1, self->d.v[MOF_FAULTS]);
	EXPECT_EQ(1, self->d.v[MOF_MIGRATED_THP]);
	EXPECT_EQ(0, splits(&self->d));
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, area_bad(&shm));
}

TEST_F(thp, the_huge_zero_page_is_not_marked)
{
	struct area zero;

	ASSERT_EQ(0, area_new_thp(&zero, 1, self->m.from));
	ASSERT_EQ(0, madvise(zero.base, area_bytes(&zero), MADV_DONTNEED));
	page_read(&zero, 0);
	ASSERT_EQ(0, stats_read(&self->before));
	EXPECT_EQ(0, mark(&zero, MPOL_BIND, NODE_MASK(self->m.to)));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, self->d.v[MOF_MARKED]);
	EXPECT_EQ(0, area_not_zero(&zero));
	EXPECT_EQ(0, area_bad(&self->a));
}

/* All huge pages of the target are in use: the THP stays in place and whole. */
TEST_F(thp, without_a_huge_page_on_the_target_it_stays_whole)
{
	const char *why = take_huge_pages(self->m.to);

	SKIP_IF(return, why);
	EXPECT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	EXPECT_EQ(0, stats_read(&self->before));
	page_read(&self->a, 0);
	EXPECT_EQ(0, stats_since(&self->before, &self->d));
	give_huge_pages(self->m.to);
	EXPECT_EQ(self->a.pages, self->d.v[MOF_FAILED_NOMEM]);
	EXPECT_EQ(self->a.pages, self->d.v[MOF_RESOLVED]);
	EXPECT_EQ(self->a.pages, area_on(&self->a, self->m.from));
	EXPECT_TRUE(is_whole(&self->a));
	EXPECT_EQ(0, splits(&self->d));
	EXPECT_EQ(0, area_bad(&self->a));
}

/* Large folios smaller than a PMD, mapped by PTEs. */
#define MTHP	"/sys/kernel/mm/transparent_hugepage/hugepages-64kB/enabled"

TEST_F(thp, large_folios_mapped_by_ptes_move)
{
	struct area a;

	if (write_text(MTHP, "always"))
		SKIP(return, "kernel without 64 KiB folios");
	ASSERT_EQ(0, area_map(&a, AREA_PAGES));
	ASSERT_EQ(0, madvise(a.base, area_bytes(&a), MADV_HUGEPAGE));
	EXPECT_EQ(0, area_place(&a, self->m.from));
	write_text(MTHP, "never");
	ASSERT_EQ(0, stats_read(&self->before));
	ASSERT_EQ(0, mark(&a, MPOL_BIND, NODE_MASK(self->m.to)));
	EXPECT_EQ(AREA_PAGES, area_hinted(&a));
	area_read(&a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, area_on(&a, self->m.to));
	EXPECT_EQ(0, area_hinted(&a));
	EXPECT_EQ(0, self->d.v[THP_SPLIT_PAGE]);
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, area_bad(&a));
}

#include "lib/main.h"
