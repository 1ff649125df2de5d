// SPDX-License-Identifier: GPL-2.0
/*
 * Unprivileged users can migrate only exclusively mapped pages, and learn
 * nothing about other users. Each test sets up as root, and then drops all
 * privileges.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "lib/user.h"

TEST_F(user, moves_what_is_his)
{
	ASSERT_EQ(0, become_nobody());
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	area_write(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(user, may_not_move_all_and_nothing_is_marked)
{
	ASSERT_EQ(0, become_nobody());
	EXPECT_EQ(-EPERM, area_mbind(&self->a, MPOL_LOCAL, 0, MOF_LAZY_MOVE_ALL));
	EXPECT_EQ(-EPERM, area_mbind(&self->a, MPOL_LOCAL, 0,
				     MOF_LAZY_MOVE_ALL | MPOL_MF_MOVE | MPOL_MF_STRICT));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, self->d.v[MOF_MARKED]);
	EXPECT_EQ(0, area_hinted(&self->a));
}

static void read_all(void *arg)
{
	area_read(arg);
}

/* Shared by a file that another process maps, and by fork(2). */
TEST_F(user, shared_pages_of_others_do_not_move)
{
	int fd = memfd_create("mof", 0);
	struct area shared;
	pid_t others[2];

	ASSERT_EQ(0, ftruncate(fd, AREA_PAGES * page_size()));
	ASSERT_EQ(0, area_map_file(&shared, AREA_PAGES, PROT_READ | PROT_WRITE,
				   MAP_SHARED, fd));
	ASSERT_EQ(0, area_place(&shared, self->m.from));
	others[0] = start_child(read_all, &shared);
	others[1] = start_child(read_all, &self->a);
	ASSERT_LT(0, others[0]);
	ASSERT_LT(0, others[1]);
	ASSERT_EQ(0, become_nobody());
	EXPECT_EQ(0, mark(&shared, MPOL_LOCAL, 0));
	EXPECT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	EXPECT_EQ(0, run_on(self->m.to));
	area_write(&shared);
	area_read(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&shared, self->m.from));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.from));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(0, area_bad(&shared) + area_bad(&self->a));
}

TEST_F(user, never_leaves_the_nodes_of_his_cpuset)
{
	char node[16];

	SKIP_IF(return, cgroup_enter(&self->cg, "+cpuset"));
	snprintf(node, sizeof(node), "%d", self->m.from);
	EXPECT_EQ(0, cgroup_write(&self->cg, "cpuset.mems", node));
	EXPECT_EQ(0, become_nobody());
	EXPECT_EQ(-EINVAL, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	EXPECT_EQ(-EINVAL, mark(&self->a, MPOL_PREFERRED, NODE_MASK(self->m.to)));
	EXPECT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	EXPECT_EQ(0, run_on(self->m.to));
	area_write(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.from));
	EXPECT_EQ(0, area_bad(&self->a));
}

/* All may read tunables that root may write, but not addresses. */
TEST_F(user, knobs_and_traces_are_for_root)
{
	static const char * const readable[] = {
		BALANCING, "/proc/sys/vm/mof_window_pages", "/proc/vmstat",
	};
	static const char * const hidden[] = {
		"/sys/kernel/debug/sched/numa_balancing",
		"/sys/kernel/tracing/events/mof",
		"/sys/kernel/tracing/events/mof/mof_mark/enable",
		"/sys/kernel/tracing/events/mof/mof_mark/format",
	};
	struct stat st;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(readable); i++) {
		ASSERT_EQ(0, stat(readable[i], &st));
		EXPECT_TRUE(!st.st_uid && !st.st_gid);
		EXPECT_FALSE(!!(st.st_mode & 0133)) TH_LOG("nr. %zu", i);
	}
	for (i = 0; i < ARRAY_SIZE(hidden); i++)
		EXPECT_EQ(0, access(hidden[i], F_OK));
	ASSERT_EQ(0, become_nobody());
	for (i = 0; i < ARRAY_SIZE(readable); i++) {
		EXPECT_LE(0, open(readable[i], O_RDONLY)) TH_LOG("nr. %zu", i);
		EXPECT_EQ(-1, open(readable[i], O_WRONLY));
		EXPECT_EQ(EACCES, errno) TH_LOG("nr. %zu", i);
	}
	for (i = 0; i < ARRAY_SIZE(hidden); i++) {
		EXPECT_EQ(-1, access(hidden[i], F_OK)) TH_LOG("nr. %zu", i);
		EXPECT_EQ(EACCES, errno);
	}
}

/* All events are of this test: none exceeds the number of its pages. */
TEST_F(user, counters_tell_numbers_and_no_addresses)
{
	int i;

	ASSERT_EQ(0, become_nobody());
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	area_write(&self->a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_MARKED]);
	for (i = 0; i < NR_MOF_STATS; i++) {
		EXPECT_LE(0, self->d.v[i]) TH_LOG("%s", stat_name(i));
		EXPECT_GE(AREA_PAGES, self->d.v[i]) TH_LOG("%s", stat_name(i));
	}
}

/* Users must not observe the page cache of others' files. */
TEST_F(user, strict_tells_nothing_about_the_cache_of_files_of_others)
{
	char path[] = "/tmp/mof-cached.XXXXXX";
	int writer = mkstemp(path), reader;
	struct area file;

	ASSERT_LE(0, writer);
	ASSERT_EQ(0, fchmod(writer, 0644));
	ASSERT_EQ(page_size(), write(writer, self->a.base, page_size()));
	reader = open(path, O_RDONLY);
	unlink(path);
	ASSERT_LE(0, reader);
	ASSERT_EQ(0, area_map_file(&file, 1, PROT_READ, MAP_SHARED, reader));
	EXPECT_EQ(-EIO, area_mbind(&file, MPOL_LOCAL, 0,
				   MOF_LAZY_MOVE | MPOL_MF_STRICT));
	ASSERT_EQ(0, become_nobody());
	EXPECT_EQ(0, area_mbind(&file, MPOL_LOCAL, 0,
				MOF_LAZY_MOVE | MPOL_MF_STRICT));
}

static void do_nothing(void *arg)
{
}

TEST_F(user, placement_of_others_is_refused_as_ever)
{
	pid_t other = start_child(do_nothing, NULL);
	void *page = self->a.base;
	int status = -1, node = self->m.to;
	char path[64];

	ASSERT_LT(0, other);
	ASSERT_EQ(0, move_pages(other, 1, &page, NULL, &status, 0));
	ASSERT_EQ(self->m.from, status);
	ASSERT_EQ(0, become_nobody());
	status = -1;
	EXPECT_EQ(-1, move_pages(other, 1, &page, NULL, &status, 0));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-1, status);
	EXPECT_EQ(-1, move_pages(other, 1, &page, &node, &status, MPOL_MF_MOVE));
	EXPECT_EQ(EPERM, errno);
	snprintf(path, sizeof(path), "/proc/%d/numa_maps", other);
	EXPECT_EQ(-1, open(path, O_RDONLY));
	EXPECT_EQ(EACCES, errno);
}

#include "lib/main.h"
