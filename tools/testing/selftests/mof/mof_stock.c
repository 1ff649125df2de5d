// SPDX-License-Identifier: GPL-2.0
/*
 * What worked before MPOL_MF_LAZY, without it: the same on every kernel, so all
 * of this also runs, and passes, where the flag does not exist.
 */
#include "lib/test.h"

#define NOBODY	65534

/* Does any of our counters know of what the test has done? */
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

/* A child that maps what we map, until its pipe is closed. */
static pid_t sharer_start(const struct area *a, int go[2])
{
	char c;
	pid_t pid;

	if (pipe(go))
		return -1;
	pid = fork();
	if (pid)
		return pid;
	close(go[1]);
	if (read(go[0], &c, 1) < 0)
		_exit(2);
	_exit(area_bad(a) ? 1 : 0);
}

static int sharer_verdict(pid_t pid, int go[2])
{
	int status;

	close(go[1]);
	waitpid(pid, &status, 0);
	return status;
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

	if (pins == -EOPNOTSUPP)
		SKIP(return, "kernel without io_uring");
	ASSERT_LE(0, pins);
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
	const char *why = thp_missing();
	struct area thp;

	if (why)
		SKIP(return, "%s", why);
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
	const char *why = cgroup_enter(&cg, "+cpuset");
	char text[16];

	if (why)
		SKIP(return, "%s", why);
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

#include "lib/main.h"
