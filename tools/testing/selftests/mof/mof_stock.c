// SPDX-License-Identifier: GPL-2.0
/*
 * Page migration that migrate-on-fault builds on: calls without MPOL_MF_LAZY,
 * which behave the same on every kernel, also without the flag (fixture stock),
 * and the properties required by the first patches for it (fixture lazy).
 */
#include <fcntl.h>
#include <pthread.h>

#include "lib/test.h"

#define NOBODY		65534
#define CROWD		4	/* threads */
#define FAMILY		3	/* processes */
#define ROUNDS		10
#define TRIES		10

/* Sum of the mof_ counters that the test has changed. */
static long counted_as_ours(const struct stats *before)
{
	struct stats d;
	long sum = 0;
	int i;

	stats_since(before, &d);
	for (i = 0; i < NR_MOF_STATS; i++)
		sum += d.v[i];
	return sum;
}

TEST_F(stock, move_moves_at_once)
{
	ASSERT_EQ(0, area_mbind(&self->a, MPOL_BIND, NODE_MASK(self->m.to), MPOL_MF_MOVE));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_FALSE(numa_maps_say_hinted());
	EXPECT_EQ(0, counted_as_ours(&self->before));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(stock, move_all_moves_at_once)
{
	ASSERT_EQ(0, area_mbind(&self->a, MPOL_BIND, NODE_MASK(self->m.to),
				MPOL_MF_MOVE_ALL));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, counted_as_ours(&self->before));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(stock, without_flags_nothing_moves_now_or_later)
{
	ASSERT_EQ(0, area_mbind(&self->a, MPOL_BIND, NODE_MASK(self->m.to), 0));
	area_write(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.from));
	EXPECT_FALSE(numa_maps_say_hinted());
	EXPECT_EQ(0, counted_as_ours(&self->before));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(stock, move_all_without_capability_is_eperm)
{
	ASSERT_EQ(0, seteuid(NOBODY));
	EXPECT_EQ(-EPERM, area_mbind(&self->a, MPOL_BIND, NODE_MASK(self->m.to),
				     MPOL_MF_MOVE_ALL));
	EXPECT_EQ(0, area_mbind(&self->a, MPOL_BIND, NODE_MASK(self->m.to), MPOL_MF_MOVE));
	ASSERT_EQ(0, seteuid(0));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(stock, move_leaves_shared_pages_and_move_all_takes_them)
{
	pid_t pid;
	int go[2];

	pid = sharer_start(&self->a, go);
	ASSERT_LT(0, pid);
	EXPECT_EQ(0, area_mbind(&self->a, MPOL_BIND, NODE_MASK(self->m.to), MPOL_MF_MOVE));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.from));
	EXPECT_EQ(0, area_mbind(&self->a, MPOL_BIND, NODE_MASK(self->m.to),
				MPOL_MF_MOVE_ALL));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(AREA_PAGES, area_on_as(&self->a, self->m.to, pid));
	EXPECT_EQ(0, sharer_verdict(pid, go));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(stock, strict_alone_reports_misplaced_pages)
{
	EXPECT_EQ(-EIO, area_mbind(&self->a, MPOL_BIND, NODE_MASK(self->m.to),
				   MPOL_MF_STRICT));
	EXPECT_EQ(0, area_mbind(&self->a, MPOL_BIND, NODE_MASK(self->m.from),
				MPOL_MF_STRICT));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.from));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(stock, strict_and_move_reports_what_cannot_move)
{
	struct area first = area_part(&self->a, 0, AREA_PAGES / 2);
	int pins = pin_pages(&first);

	SKIP_UNLESS_PINNED(return, pins);
	EXPECT_EQ(-EIO, area_mbind(&self->a, MPOL_BIND, NODE_MASK(self->m.to),
				   MPOL_MF_MOVE | MPOL_MF_STRICT));
	EXPECT_EQ(AREA_PAGES / 2, area_on(&self->a, self->m.to));
	close(pins);
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(stock, wrong_arguments_are_refused)
{
	unsigned long to = NODE_MASK(self->m.to);

	EXPECT_EQ(-EINVAL, area_mbind(&self->a, MPOL_BIND, to, 0x10));
	EXPECT_EQ(-EINVAL, area_mbind(&self->a, 42, to, MPOL_MF_MOVE));
	EXPECT_EQ(-EINVAL, area_mbind(&self->a, MPOL_BIND, 0, MPOL_MF_MOVE));
	EXPECT_EQ(-EINVAL, area_mbind(&self->a, MPOL_DEFAULT, to, MPOL_MF_MOVE));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.from));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(stock, a_hole_is_efault)
{
	struct area first = area_part(&self->a, 0, AREA_PAGES / 2);

	ASSERT_EQ(0, munmap(self->a.base + area_bytes(&first), page_size()));
	EXPECT_EQ(-EFAULT, area_mbind(&self->a, MPOL_BIND, NODE_MASK(self->m.to),
				      MPOL_MF_MOVE));
	EXPECT_EQ(0, area_mbind(&self->a, MPOL_DEFAULT, 0, MPOL_MF_MOVE));
	EXPECT_EQ(0, area_bad(&first));
}

TEST_F(stock, move_pages_2_moves)
{
	EXPECT_EQ(AREA_PAGES, area_move(&self->a, self->m.to));
	EXPECT_EQ(0, counted_as_ours(&self->before));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(stock, migrate_pages_2_moves)
{
	unsigned long from = NODE_MASK(self->m.from);
	unsigned long to = NODE_MASK(self->m.to);

	EXPECT_LE(0, migrate_pages(0, MAX_NODE, &from, &to));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, counted_as_ours(&self->before));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(stock, a_thp_moves_whole)
{
	struct area thp;

	SKIP_IF(return, thp_missing());
	ASSERT_EQ(0, area_new_thp(&thp, 1, self->m.from));
	ASSERT_EQ(0, area_mbind(&thp, MPOL_BIND, NODE_MASK(self->m.to), MPOL_MF_MOVE));
	EXPECT_EQ(thp.pages, area_on(&thp, self->m.to));
	EXPECT_EQ(thp_size() / 1024, area_smaps_kb(&thp, "AnonHugePages"));
	EXPECT_EQ(0, counted_as_ours(&self->before));
	EXPECT_EQ(0, area_bad(&thp));
}

TEST_F(stock, change_of_cpuset_mems_moves)
{
	struct cgroup cg;
	char text[16];

	SKIP_IF(return, cgroup_enter(&cg, "+cpuset"));
	snprintf(text, sizeof(text), "%d", self->m.from);
	EXPECT_EQ(0, cgroup_write(&cg, "cpuset.mems", text));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.from));
	snprintf(text, sizeof(text), "%d", self->m.to);
	EXPECT_EQ(0, cgroup_write(&cg, "cpuset.mems", text));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, counted_as_ours(&self->before));
	EXPECT_EQ(0, area_bad(&self->a));
	cgroup_leave(&cg);
}

static int node_of_round(const struct machine *m, int round)
{
	return round % 2 ? m->from : m->to;
}

TEST_F(lazy, migration_without_swap_space)
{
	/* SwapTotal is 0 without CONFIG_SWAP as well. */
	if (file_line("/proc/meminfo", "SwapTotal:"))
		SKIP(return, "this machine has swap space");
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	area_write(&self->a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, self->d.v[PSWPOUT]);
	EXPECT_EQ(0, area_bad(&self->a));
}

/*
 * Threads that touch the same pages at the same time. Faults on a migration
 * entry must wait without a reference to the page, which would keep it from
 * moving.
 */
struct crowd {
	const struct area *a;
	pthread_barrier_t begin;
	pthread_barrier_t end;
	int node;		/* node to touch from; NO_NODE: exit */
	long bad;
};

static void *crowd_member(void *data)
{
	struct crowd *c = data;

	for (;;) {
		pthread_barrier_wait(&c->begin);
		if (c->node == NO_NODE)
			return NULL;
		if (run_on(c->node))
			__atomic_add_fetch(&c->bad, 1, __ATOMIC_RELAXED);
		__atomic_add_fetch(&c->bad, area_bad(c->a), __ATOMIC_RELAXED);
		pthread_barrier_wait(&c->end);
	}
}

static int crowd_start(struct crowd *c, const struct area *a, pthread_t *threads)
{
	int i;

	*c = (struct crowd) { .a = a };
	pthread_barrier_init(&c->begin, NULL, CROWD + 1);
	pthread_barrier_init(&c->end, NULL, CROWD + 1);
	for (i = 0; i < CROWD; i++)
		if (pthread_create(&threads[i], NULL, crowd_member, c))
			return -EAGAIN;
	return 0;
}

static void crowd_touches(struct crowd *c, int node)
{
	c->node = node;
	pthread_barrier_wait(&c->begin);
	pthread_barrier_wait(&c->end);
}

static void crowd_stop(struct crowd *c, pthread_t *threads)
{
	int i;

	c->node = NO_NODE;
	pthread_barrier_wait(&c->begin);
	for (i = 0; i < CROWD; i++)
		pthread_join(threads[i], NULL);
}

TEST_F(lazy, faults_wait_and_do_not_raise_the_page_count)
{
	pthread_t threads[CROWD];
	struct crowd c;
	int round;

	ASSERT_EQ(0, crowd_start(&c, &self->a, threads));
	for (round = 0; round < ROUNDS; round++) {
		int node = node_of_round(&self->m, round);

		EXPECT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
		crowd_touches(&c, node);
		EXPECT_EQ(AREA_PAGES, area_on(&self->a, node));
		EXPECT_EQ(0, area_hinted(&self->a));
		drain_lru();
	}
	crowd_stop(&c, threads);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, c.bad);
	EXPECT_EQ(ROUNDS * AREA_PAGES, self->d.v[MOF_MARKED]);
	EXPECT_EQ(ROUNDS * AREA_PAGES, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, area_bad(&self->a));
}

/*
 * Pages without a user stay in place until the next access, and remain
 * reclaimable under memory pressure.
 */
TEST_F(lazy, parked_while_unmapped_and_still_reclaimable_to_swap)
{
	struct area first = area_part(&self->a, 0, AREA_PAGES / 2);
	struct swap swap;
	const char *why = swap_enable(&swap);

	SKIP_IF(return, why);
	EXPECT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.from));
	EXPECT_EQ(0, madvise(first.base, area_bytes(&first), MADV_PAGEOUT));
	EXPECT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(first.pages, area_absent(&first));
	EXPECT_LE(first.pages, self->d.v[PSWPOUT]);
	EXPECT_EQ(AREA_PAGES - first.pages, area_hinted(&self->a));
	EXPECT_EQ(0, run_on(self->m.to));
	area_read(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
	area_free(&self->a);
	swap_disable(&swap);
}

/*
 * Processes that read the same pages in a loop, shared by mapping or by
 * fork(2), while these pages are migrated.
 */
struct family {
	int reading;		/* number of members that have all pages mapped */
	int stop;
};

static pid_t reader_start(const struct area *shared, const struct area *forked,
			  struct family *f, int node)
{
	pid_t pid = fork();
	long bad = 0;

	if (pid)
		return pid;
	bad += !!run_on(node);
	bad += area_bad(shared) + area_bad(forked);
	__atomic_add_fetch(&f->reading, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&f->stop, __ATOMIC_RELAXED))
		bad += area_bad(shared) + area_bad(forked);
	_exit(bad ? 1 : 0);
}

static struct family *family_new(void)
{
	struct family *f = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return f == MAP_FAILED ? NULL : f;
}

/* Mapping a page for the first time holds a reference for a moment: wait. */
static void family_wait(const struct family *f)
{
	while (__atomic_load_n(&f->reading, __ATOMIC_ACQUIRE) < FAMILY)
		usleep(1000);
}

static long mark_all_and_touch(const struct area *a, int node)
{
	long err = area_mbind(a, MPOL_BIND, NODE_MASK(node), MOF_LAZY_MOVE_ALL);

	if (err)
		return err;
	area_read(a);
	return area_on(a, node);
}

/*
 * A reader that finds the page cache entry during its replacement looks up the
 * page and holds it for a moment. Such a page stays behind, so retry.
 */
static long move_page_cache(const struct area *a, int node)
{
	long moved = 0;
	int try;

	for (try = 0; try < TRIES && moved != a->pages; try++) {
		moved = mark_all_and_touch(a, node);
		drain_lru();
	}
	return moved;
}

TEST_F(lazy, blocking_accesses_during_migration_after_fork_in_several_address_spaces)
{
	struct area shared, forked = self->a;
	struct family *f = family_new();
	pid_t reader[FAMILY];
	int i, status;

	ASSERT_NE(NULL, f);
	ASSERT_EQ(0, area_new_shared(&shared, AREA_PAGES, self->m.from));
	for (i = 0; i < FAMILY; i++)
		reader[i] = reader_start(&shared, &forked, f, node_of_round(&self->m, i));
	family_wait(f);
	for (i = 0; i < ROUNDS; i++) {
		int node = node_of_round(&self->m, i);

		EXPECT_EQ(AREA_PAGES, move_page_cache(&shared, node));
		EXPECT_EQ(AREA_PAGES, mark_all_and_touch(&forked, node));
		drain_lru();
	}
	__atomic_store_n(&f->stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < FAMILY; i++) {
		EXPECT_EQ(reader[i], waitpid(reader[i], &status, 0));
		EXPECT_EQ(0, status);
	}
	EXPECT_EQ(0, area_bad(&shared));
	EXPECT_EQ(0, area_bad(&forked));
}

TEST_F(lazy, dirty_page_cache_moved_without_writing_out)
{
	int fd = memfd_create("mof", 0);
	struct area file;

	ASSERT_EQ(0, ftruncate(fd, AREA_PAGES * page_size()));
	ASSERT_EQ(0, area_map_file(&file, AREA_PAGES, PROT_READ | PROT_WRITE,
				   MAP_SHARED, fd));
	ASSERT_EQ(0, area_place(&file, self->m.from));
	ASSERT_EQ(0, stats_read(&self->before));
	ASSERT_EQ(0, mark(&file, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&file);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, area_on(&file, self->m.to));
	EXPECT_EQ(0, self->d.v[PSWPOUT]);
	EXPECT_EQ(0, self->d.v[NR_WRITTEN]);
	EXPECT_EQ(0, area_bad(&file));
}

TEST_F(lazy, dirty_page_cache_of_a_disk_moved_without_writing_out)
{
	struct area file;
	struct disk disk;
	int fd;

	SKIP_IF(return, disk_mount(&disk));
	EXPECT_EQ(0, area_new_file(&file, disk.dir, "file", self->m.from, &fd));
	close(fd);
	EXPECT_EQ(AREA_PAGES, area_on(&file, self->m.from));
	EXPECT_EQ(area_bytes(&file) / 1024, area_smaps_kb(&file, "Private_Dirty"));
	EXPECT_EQ(0, stats_read(&self->before));
	EXPECT_EQ(0, mark(&file, MPOL_LOCAL, 0));
	EXPECT_EQ(0, run_on(self->m.to));
	area_read(&file);
	EXPECT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, area_on(&file, self->m.to));
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(area_bytes(&file) / 1024, area_smaps_kb(&file, "Private_Dirty"));
	EXPECT_EQ(0, self->d.v[NR_WRITTEN]);
	EXPECT_EQ(0, self->d.v[PGPGOUT]);
	EXPECT_EQ(0, area_bad(&file));
	area_free(&file);
	disk_umount(&disk);
}

/* Each of these moves area @b and leaves the marks of another area alone. */

static long move_all_shared(const struct area *b, int node)
{
	int go[2];
	pid_t pid = sharer_start(b, go);
	long on;

	if (pid < 0)
		return -ECHILD;
	area_mbind(b, MPOL_BIND, NODE_MASK(node), MPOL_MF_MOVE_ALL);
	on = area_on_as(b, node, pid);
	return sharer_verdict(pid, go) ? -EFAULT : on;
}

static long migrate_all(const struct area *b, int from, int to)
{
	unsigned long old = NODE_MASK(from), new = NODE_MASK(to);

	if (migrate_pages(0, MAX_NODE, &old, &new) < 0)
		return -errno;
	return area_on(b, to);
}

static long change_cpuset(const struct cgroup *cg, const struct area *b, int from, int to)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", from);
	if (cgroup_write(cg, "cpuset.mems", text) || area_on(b, from) != b->pages)
		return -EIO;
	snprintf(text, sizeof(text), "%d", to);
	if (cgroup_write(cg, "cpuset.mems", text))
		return -EIO;
	return area_on(b, to);
}

TEST_F(lazy, move_flags_migrate_pages_and_cpuset_memory_migrate_still_work)
{
	int from = self->m.from, to = self->m.to;
	struct cgroup cg;
	struct area b;

	SKIP_IF(return, cgroup_enter(&cg, "+cpuset"));
	EXPECT_EQ(0, area_new(&b, AREA_PAGES, from));
	EXPECT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	EXPECT_EQ(0, area_mbind(&b, MPOL_BIND, NODE_MASK(to), MPOL_MF_MOVE));
	EXPECT_EQ(AREA_PAGES, area_on(&b, to));
	EXPECT_EQ(AREA_PAGES, area_hinted(&self->a));
	EXPECT_EQ(AREA_PAGES, move_all_shared(&b, from));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, from));

	/* These two migrate the whole process, including marked pages. */
	EXPECT_EQ(AREA_PAGES, migrate_all(&b, from, to));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, to));
	EXPECT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	EXPECT_EQ(0, area_mbind(&b, MPOL_DEFAULT, 0, 0));
	EXPECT_EQ(AREA_PAGES, change_cpuset(&cg, &b, to, from));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, from));
	cgroup_leave(&cg);
	EXPECT_EQ(0, area_bad(&self->a));
	EXPECT_EQ(0, area_bad(&b));
	EXPECT_EQ(0, area_hinted(&self->a));
}

TEST_F(lazy, lazy_thp_as_one_unit)
{
	struct area thp;

	SKIP_IF(return, thp_missing());
	ASSERT_EQ(0, area_new_thp(&thp, 1, self->m.from));
	ASSERT_EQ(0, stats_read(&self->before));
	ASSERT_EQ(0, mark(&thp, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	page_write(&thp, thp.pages / 2);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(1, self->d.v[MOF_FAULTS]);
	EXPECT_EQ(1, self->d.v[MOF_MIGRATED_THP]);
	EXPECT_EQ(1, self->d.v[THP_MIGRATION_SUCCESS]);
	EXPECT_EQ(0, self->d.v[THP_SPLIT_PAGE]);
	EXPECT_EQ(0, self->d.v[THP_SPLIT_PMD]);
	EXPECT_EQ(thp.pages, area_on(&thp, self->m.to));
	EXPECT_EQ(thp_size() / 1024, area_smaps_kb(&thp, "AnonHugePages"));
	EXPECT_EQ(0, area_bad(&thp));
}

#include "lib/main.h"
