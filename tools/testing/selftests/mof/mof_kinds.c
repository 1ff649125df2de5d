// SPDX-License-Identifier: GPL-2.0
/*
 * Kinds of pages other than plain anonymous ones: tmpfs and memfd, private file
 * mappings, swap cache, mlocked, shared, reused after MADV_FREE, in LRU batches
 * of other CPUs; and a target without memory. A touch migrates them, or leaves
 * them intact.
 */
#include <fcntl.h>
#include <numa.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>

#include "lib/test.h"

#ifndef MADV_COLD
#define MADV_COLD	20
#endif

#define RW	(PROT_READ | PROT_WRITE)

/* Pages of tmpfs, mapped from a file on a mount of its own. */
struct tmpfs {
	char dir[64];
	struct area a;
};

static const char *tmpfs_new(struct tmpfs *t, const char *options, long pages, int node)
{
	char path[96];
	int fd;

	snprintf(t->dir, sizeof(t->dir), "/tmp/mof-tmpfs.XXXXXX");
	if (!mkdtemp(t->dir) || mount("none", t->dir, "tmpfs", 0, options))
		return "cannot mount tmpfs with these options";
	snprintf(path, sizeof(path), "%s/file", t->dir);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	umount2(t->dir, MNT_DETACH);
	rmdir(t->dir);
	if (fd < 0 || ftruncate(fd, pages * page_size()) ||
	    area_map_file(&t->a, pages, RW, MAP_SHARED, fd))
		return "cannot map a file of tmpfs";
	close(fd);
	return area_place(&t->a, node) ? "cannot place a file of tmpfs" : NULL;
}

TEST_F(lazy, tmpfs_pages_mapped_by_one_process_move)
{
	struct tmpfs t;
	const char *why = tmpfs_new(&t, NULL, AREA_PAGES, self->m.from);

	SKIP_IF(return, why);
	ASSERT_EQ(0, stats_read(&self->before));
	ASSERT_EQ(0, mark(&t.a, MPOL_BIND, NODE_MASK(self->m.to)));
	EXPECT_EQ(AREA_PAGES, area_hinted(&t.a));
	area_write(&t.a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, area_on(&t.a, self->m.to));
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, area_bad(&t.a));
}

TEST_F(lazy, huge_pages_of_tmpfs_move_whole)
{
	const char *why = thp_missing();
	struct tmpfs t;

	if (!why)
		why = tmpfs_new(&t, "huge=always", thp_pages(), self->m.from);
	SKIP_IF(return, why);
	ASSERT_EQ(thp_size() / 1024, area_smaps_kb(&t.a, "ShmemPmdMapped"));
	ASSERT_EQ(0, stats_read(&self->before));
	ASSERT_EQ(0, mark(&t.a, MPOL_BIND, NODE_MASK(self->m.to)));
	page_read(&t.a, 77);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(t.a.pages, area_on(&t.a, self->m.to));
	EXPECT_EQ(1, self->d.v[MOF_MIGRATED_THP]);
	EXPECT_EQ(0, self->d.v[THP_SPLIT_PAGE]);
	EXPECT_EQ(thp_size() / 1024, area_smaps_kb(&t.a, "ShmemPmdMapped"));
	EXPECT_EQ(0, area_bad(&t.a));
}

/* Mapped by PTEs, as the mapping is not aligned to the huge page. */
TEST_F(lazy, huge_pages_of_memfd_mapped_by_base_pages_move_whole)
{
	const char *why = thp_missing();
	int fd = memfd_create("mof", 0);
	struct area whole, part;

	if (why || write_text(SHMEM_THP, "advise"))
		SKIP(return, "kernel without huge pages in shared memory");
	ASSERT_EQ(0, area_new_shared_thp(&whole, fd, self->m.from));
	ASSERT_EQ(0, area_map_file(&part, thp_pages() - 1, RW, MAP_SHARED, fd));
	part.seed = whole.seed;
	area_free(&whole);
	area_read(&part);
	drain_lru();
	ASSERT_EQ(0, stats_read(&self->before));
	ASSERT_EQ(0, mark(&part, MPOL_BIND, NODE_MASK(self->m.to)));
	EXPECT_EQ(part.pages, area_hinted(&part));
	area_write(&part);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(part.pages, area_on(&part, self->m.to));
	EXPECT_EQ(0, area_hinted(&part));
	EXPECT_EQ(0, self->d.v[THP_SPLIT_PAGE]);
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, area_bad(&part));
}

TEST_F(lazy, clean_pages_of_a_private_file_mapping_move)
{
	struct disk disk;
	struct area file, priv;
	int fd;

	SKIP_IF(return, disk_mount(&disk));
	EXPECT_EQ(0, area_new_file(&file, disk.dir, "file", self->m.from, &fd));
	EXPECT_EQ(0, fsync(fd));
	EXPECT_EQ(0, area_map_file(&priv, AREA_PAGES, RW, MAP_PRIVATE, fd));
	priv.seed = file.seed;
	area_free(&file);
	close(fd);
	area_read(&priv);
	drain_lru();
	EXPECT_EQ(AREA_PAGES, area_on(&priv, self->m.from));
	EXPECT_EQ(0, mark(&priv, MPOL_BIND, NODE_MASK(self->m.to)));
	EXPECT_EQ(AREA_PAGES, area_hinted(&priv));
	area_read(&priv);
	EXPECT_EQ(AREA_PAGES, area_on(&priv, self->m.to));
	EXPECT_EQ(0, area_bad(&priv));
	area_free(&priv);
	disk_umount(&disk);
}

/*
 * A child shares the swap slots, so pages that are read back stay in the swap
 * cache. In the end the child compares them as well.
 */
TEST_F(lazy, pages_in_the_swap_cache_move_and_both_users_see_them_right)
{
	struct swap swap;
	int go[2];
	pid_t pid;

	SKIP_IF(return, swap_enable(&swap));
	EXPECT_EQ(0, madvise(self->a.base, area_bytes(&self->a), MADV_PAGEOUT));
	EXPECT_EQ(AREA_PAGES, area_absent(&self->a));
	pid = sharer_start(&self->a, go);
	EXPECT_LT(0, pid);
	area_read(&self->a);
	drain_lru();
	EXPECT_EQ(AREA_PAGES, area_flagged(&self->a, KPF_SWAPCACHE));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.from));
	EXPECT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	EXPECT_EQ(AREA_PAGES, area_hinted(&self->a));
	area_read(&self->a);
	EXPECT_EQ(0, area_hinted(&self->a));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
	EXPECT_EQ(0, sharer_verdict(pid, go));
	EXPECT_EQ(0, area_bad(&self->a));
	area_free(&self->a);
	swap_disable(&swap);
}

/* mlock(2) on populated and on future pages */

TEST_F(lazy, pages_locked_on_fault_move_and_stay_locked)
{
	struct area first = area_part(&self->a, 0, AREA_PAGES / 2);
	long kb = area_bytes(&first) / 1024;

	ASSERT_EQ(0, madvise(first.base + area_bytes(&first), area_bytes(&first),
			     MADV_DONTNEED));
	ASSERT_EQ(0, mlock2(self->a.base, area_bytes(&self->a), MLOCK_ONFAULT));
	drain_lru();
	EXPECT_EQ(kb, area_smaps_kb(&self->a, "Locked"));
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	EXPECT_EQ(first.pages, area_hinted(&self->a));
	ASSERT_EQ(0, run_on(self->m.to));
	area_fill(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(2 * kb, area_smaps_kb(&self->a, "Locked"));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(lazy, pages_of_a_process_that_locks_all_move_and_stay_locked)
{
	long kb = area_bytes(&self->a) / 1024;
	struct area a;

	ASSERT_EQ(0, mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT));
	ASSERT_EQ(0, area_new(&a, AREA_PAGES, self->m.from));
	drain_lru();
	ASSERT_EQ(0, mark(&a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	EXPECT_EQ(AREA_PAGES, area_hinted(&a));
	ASSERT_EQ(0, run_on(self->m.to));
	area_write(&a);
	area_write(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&a, self->m.to));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(kb, area_smaps_kb(&a, "Locked"));
	EXPECT_EQ(kb, area_smaps_kb(&self->a, "Locked"));
	EXPECT_EQ(0, area_bad(&a));
	EXPECT_EQ(0, area_bad(&self->a));
	munlockall();
}

/* A few pages, in the LRU batch of the CPU that has just written them. */
#define FRESH_PAGES	8L
#define FRESH_ROUNDS	100

TEST_F(lazy, pages_written_marked_and_touched_elsewhere_at_once_all_move)
{
	long round, left = 0;
	struct area a;

	ASSERT_EQ(0, area_map(&a, FRESH_PAGES));
	for (round = 0; round < FRESH_ROUNDS; round++) {
		ASSERT_EQ(0, run_on(self->m.from));
		madvise(a.base, area_bytes(&a), MADV_DONTNEED);
		area_fill(&a);
		ASSERT_EQ(0, mark(&a, MPOL_LOCAL, 0));
		ASSERT_EQ(0, run_on(self->m.to));
		area_read(&a);
		left += FRESH_PAGES - area_on(&a, self->m.to);
	}
	EXPECT_EQ(0, left);
	EXPECT_EQ(0, area_bad(&a));
}

/*
 * The same with two threads: the other thread's CPU does not drain its batch by
 * switching tasks.
 */
struct filler {
	pthread_barrier_t filled;
	pthread_barrier_t next;
	const struct area *a;
	int node;
};

static void *fill_fresh(void *arg)
{
	struct filler *f = arg;
	long round;

	run_on(f->node);
	for (round = 0; round < FRESH_ROUNDS; round++) {
		madvise(f->a->base, area_bytes(f->a), MADV_DONTNEED);
		area_fill(f->a);
		pthread_barrier_wait(&f->filled);
		pthread_barrier_wait(&f->next);
	}
	return NULL;
}

TEST_F(lazy, pages_another_thread_has_just_written_all_move)
{
	struct filler f = { .node = self->m.from };
	long round, left = 0;
	pthread_t thread;
	struct area a;

	ASSERT_EQ(0, area_map(&a, FRESH_PAGES));
	f.a = &a;
	pthread_barrier_init(&f.filled, NULL, 2);
	pthread_barrier_init(&f.next, NULL, 2);
	ASSERT_EQ(0, run_on(self->m.to));
	ASSERT_EQ(0, pthread_create(&thread, NULL, fill_fresh, &f));
	for (round = 0; round < FRESH_ROUNDS; round++) {
		pthread_barrier_wait(&f.filled);
		EXPECT_EQ(0, mark(&a, MPOL_LOCAL, 0));
		area_read(&a);
		left += FRESH_PAGES - area_on(&a, self->m.to);
		pthread_barrier_wait(&f.next);
	}
	pthread_join(thread, NULL);
	EXPECT_EQ(0, left);
	EXPECT_EQ(0, area_bad(&a));
}

/*
 * Pages on an LRU list that an LRU batch still references: they cannot migrate
 * before that batch is drained.
 */
#define BATCH_PAGES	16L	/* a batch has room for 31 */
#define BATCH_ROUNDS	5

FIXTURE(lru_batch)
{
	struct machine m;
	struct stats before;
	struct stats d;
};

/* @put: adds pages that are on LRU lists to a batch of this CPU */
FIXTURE_VARIANT(lru_batch)
{
	int (*put)(const struct area *a);
	bool shared;
};

static int put_into_lazyfree(const struct area *a)
{
	if (madvise(a->base, area_bytes(a), MADV_FREE))
		return -errno;
	area_fill(a);
	return 0;
}

static int put_into_activate(const struct area *a)
{
	return area_activate(a, 1);
}

static int put_into_deactivate(const struct area *a)
{
	int err = put_into_activate(a);

	drain_lru();
	if (!err && madvise(a->base, area_bytes(a), MADV_COLD))
		err = -errno;
	return err;
}

FIXTURE_VARIANT_ADD(lru_batch, lazyfree) {
	.put = put_into_lazyfree,
};

FIXTURE_VARIANT_ADD(lru_batch, activate) {
	.put = put_into_activate,
};

FIXTURE_VARIANT_ADD(lru_batch, activate_shared) {
	.put = put_into_activate, .shared = true,
};

FIXTURE_VARIANT_ADD(lru_batch, deactivate) {
	.put = put_into_deactivate,
};

FIXTURE_SETUP(lru_batch)
{
	SKIP_SETUP(return, &self->m, machine_setup_lazy(&self->m));
	ASSERT_EQ(0, stats_read(&self->before));
}

FIXTURE_TEARDOWN_PARENT(lru_batch)
{
	machine_restore(&self->m);
}

/* Run on the last CPU of a node only. */
static int run_on_last_cpu(int node)
{
	struct bitmask *cpus = numa_allocate_cpumask();
	int cpu, last = -1;
	cpu_set_t set;

	if (!numa_node_to_cpus(node, cpus))
		for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
			if (numa_bitmask_isbitset(cpus, cpu))
				last = cpu;
	numa_free_cpumask(cpus);
	if (last < 0)
		return -ENOENT;
	CPU_ZERO(&set);
	CPU_SET(last, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		return -errno;
	return sched_getcpu() == last ? 0 : -EAGAIN;
}

static int batch_area(struct area *a, bool shared, int node)
{
	return shared ? area_new_shared(a, BATCH_PAGES, node) :
			area_new(a, BATCH_PAGES, node);
}

TEST_F(lru_batch, pages_in_one_of_another_cpu_all_move)
{
	long round, left = 0, bad = 0;
	struct area a;

	for (round = 0; round < BATCH_ROUNDS; round++) {
		ASSERT_EQ(0, run_on_last_cpu(self->m.from));
		ASSERT_EQ(0, batch_area(&a, variant->shared, self->m.from));
		ASSERT_EQ(0, variant->put(&a));
		ASSERT_EQ(0, run_on(self->m.to));
		ASSERT_EQ(0, mark(&a, MPOL_LOCAL, 0));
		area_read(&a);
		left += BATCH_PAGES - area_on(&a, self->m.to);
		bad += area_bad(&a);
		area_free(&a);
	}
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, left);
	EXPECT_EQ(BATCH_ROUNDS * BATCH_PAGES, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(0, self->d.v[MOF_FAILED_BUSY]);
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, bad);
}

/* The first touch drains the batch. */
TEST_F(lru_batch, marked_pages_in_one_of_this_cpu_move_at_their_first_touch)
{
	struct area a;

	ASSERT_EQ(0, run_on(self->m.from));
	ASSERT_EQ(0, batch_area(&a, variant->shared, self->m.from));
	drain_lru();
	ASSERT_EQ(0, mark(&a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on_last_cpu(self->m.to));
	ASSERT_EQ(0, stats_read(&self->before));
	ASSERT_EQ(0, variant->put(&a));
	area_read(&a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(BATCH_PAGES, area_on(&a, self->m.to));
	EXPECT_EQ(0, self->d.v[MOF_RETRIED]);
	EXPECT_EQ(0, area_bad(&a));
}

/*
 * Anonymous memory that is reused after MADV_FREE is dirty but not swap-backed,
 * like dirty file pages.
 */
#define REUSED_PAGES	256L
#define REUSED_ROUNDS	3
#define WINDOW_AS_IT_IS	-1

FIXTURE(reused)
{
	struct machine m;
	struct area a;
	long window;		/* saved vm.mof_window_pages */
};

FIXTURE_VARIANT(reused)
{
	long window;
	bool huge;
};

FIXTURE_VARIANT_ADD(reused, pages) {
	.window = WINDOW_AS_IT_IS,
};

FIXTURE_VARIANT_ADD(reused, pages_window_0) {
	.window = 0,
};

FIXTURE_VARIANT_ADD(reused, pages_window_1) {
	.window = 1,
};

FIXTURE_VARIANT_ADD(reused, thp) {
	.window = WINDOW_AS_IT_IS, .huge = true,
};

FIXTURE_SETUP(reused)
{
	const char *why = machine_setup_lazy(&self->m);

	self->window = read_long(WINDOW);
	if (!why && variant->huge)
		why = thp_missing();
	SKIP_SETUP(return, &self->m, why);
	if (variant->window != WINDOW_AS_IT_IS)
		ASSERT_EQ(0, write_long(WINDOW, variant->window));
	ASSERT_EQ(0, run_on(self->m.from));
	ASSERT_EQ(0, variant->huge ? area_new_thp(&self->a, 1, self->m.from) :
				     area_new(&self->a, REUSED_PAGES, self->m.from));
}

FIXTURE_TEARDOWN_PARENT(reused)
{
	if (self->window >= 0)
		write_long(WINDOW, self->window);
	machine_restore(&self->m);
}

/* Mark the area, and touch it from @node: it moves there, THPs as a whole. */
static void moves_to(struct __test_metadata *_metadata, const struct area *a, bool huge,
		     int node)
{
	struct stats before, d;

	ASSERT_EQ(0, stats_read(&before));
	ASSERT_EQ(0, area_mbind(a, MPOL_LOCAL, 0, MOF_LAZY_MOVE | MPOL_MF_STRICT));
	EXPECT_EQ(a->pages, area_hinted(a));
	ASSERT_EQ(0, run_on(node));
	area_read(a);
	ASSERT_EQ(0, stats_since(&before, &d));
	EXPECT_EQ(a->pages, area_on(a, node));
	EXPECT_EQ(a->pages, d.v[MOF_MIGRATED]);
	EXPECT_EQ(huge ? 1 : 0, d.v[MOF_MIGRATED_THP]);
	EXPECT_EQ(huge ? area_bytes(a) / 1024 : 0, area_smaps_kb(a, "AnonHugePages"));
	EXPECT_EQ(0, d.v[THP_SPLIT_PAGE]);
	EXPECT_EQ(0, stats_failed(&d));
	EXPECT_EQ(0, stats_unreconciled(&d));
	EXPECT_EQ(0, area_bad(a));
}

TEST_F(reused, after_madv_free_memory_moves_each_time_it_is_marked)
{
	struct area *a = &self->a;
	int round;

	for (round = 0; round < REUSED_ROUNDS; round++) {
		area_fill(a);
		ASSERT_EQ(0, madvise(a->base, area_bytes(a), MADV_FREE));
		a->seed += 1;
		area_fill(a);
		moves_to(_metadata, a, variant->huge, self->m.to);
		moves_to(_metadata, a, variant->huge, self->m.from);
	}
	/* Reclaim drops such pages if they look clean. */
	drain_lru();
	ASSERT_EQ(0, madvise(a->base, area_bytes(a), MADV_PAGEOUT));
	EXPECT_EQ(0, area_bad(a));
}

/* Without memory on the target, pages stay and touches succeed. */
TEST_F(lazy, a_full_target_leaves_thps_and_shared_memory_whole_and_right)
{
	struct area hog = { 0 }, thp, shm;
	const char *why = thp_missing();
	int node = self->m.to;

	SKIP_IF(return, why);
	ASSERT_EQ(0, area_new_thp(&thp, 1, self->m.from));
	ASSERT_EQ(0, area_new_shared(&shm, AREA_PAGES, self->m.from));
	why = fill_node(&hog, node);
	EXPECT_EQ(0, stats_read(&self->before));
	EXPECT_EQ(0, mark(&thp, MPOL_BIND, NODE_MASK(node)));
	EXPECT_EQ(0, mark(&shm, MPOL_BIND, NODE_MASK(node)));
	EXPECT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(node)));
	area_write(&thp);
	area_write(&shm);
	area_write(&self->a);
	EXPECT_EQ(0, stats_since(&self->before, &self->d));
	empty_node(&hog, node);
	SKIP_IF(return, why);
	EXPECT_LE(thp.pages, self->d.v[MOF_FAILED_NOMEM]);
	EXPECT_EQ(thp.pages + 2 * AREA_PAGES, self->d.v[MOF_RESOLVED]);
	EXPECT_EQ(self->d.v[MOF_RESOLVED],
		  self->d.v[MOF_MIGRATED] + self->d.v[MOF_FAILED_NOMEM]);
	EXPECT_EQ(thp.pages, area_on(&thp, self->m.from));
	EXPECT_EQ(thp_size() / 1024, area_smaps_kb(&thp, "AnonHugePages"));
	EXPECT_EQ(0, self->d.v[THP_SPLIT_PAGE]);
	EXPECT_EQ(0, area_hinted(&self->a) + area_hinted(&shm) + area_hinted(&thp));
	EXPECT_EQ(0, area_bad(&thp) + area_bad(&shm) + area_bad(&self->a));
}

#include "lib/main.h"
