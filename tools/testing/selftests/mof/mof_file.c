// SPDX-License-Identifier: GPL-2.0
/*
 * File pages: shmem and tmpfs, a file system on a disk, and one that cannot
 * migrate dirty pages.
 */
#include <fcntl.h>
#include <sys/mount.h>

#include "lib/test.h"

#define RW	(PROT_READ | PROT_WRITE)

/* Map @pages pages of new shared memory, filled, on @node. */
static int shmem_new(struct area *a, long pages, int node)
{
	int fd = memfd_create("mof", 0);
	int err;

	if (fd < 0 || ftruncate(fd, pages * page_size()))
		return -errno;
	err = area_map_file(a, pages, RW, MAP_SHARED, fd);
	close(fd);
	return err ? err : area_place(a, node);
}

TEST_F(lazy, dirty_shmem_mapped_once_moves)
{
	struct area shm;

	ASSERT_EQ(0, shmem_new(&shm, AREA_PAGES, self->m.from));
	ASSERT_EQ(0, stats_read(&self->before));
	ASSERT_EQ(0, mark(&shm, MPOL_BIND, NODE_MASK(self->m.to)));
	EXPECT_EQ(AREA_PAGES, area_hinted(&shm));
	area_write(&shm);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, area_on(&shm, self->m.to));
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, area_bad(&shm));
}

TEST_F(lazy, anonymous_shared_memory_moves_to_the_faulting_node)
{
	struct area shm;

	ASSERT_EQ(0, area_new_shared(&shm, AREA_PAGES, self->m.from));
	ASSERT_EQ(0, mark(&shm, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	area_write(&shm);
	EXPECT_EQ(AREA_PAGES, area_on(&shm, self->m.to));
	EXPECT_EQ(0, area_bad(&shm));
}

/*
 * A second process that maps and populates the same memory. It waits for the
 * pipe to close, and exits with 0 if the contents are right.
 */
static pid_t populated_sharer_start(const struct area *a, int go[2])
{
	int ready[2];
	char c = 0;
	pid_t pid;

	if (pipe(go) || pipe(ready))
		return -1;
	pid = fork();
	if (pid) {
		close(ready[1]);
		return read(ready[0], &c, 1) == 1 ? pid : -1;
	}
	close(go[1]);
	area_read(a);
	if (write(ready[1], "r", 1) != 1 || read(go[0], &c, 1) != 1)
		_exit(2);
	_exit(area_bad(a) ? 1 : 0);
}

static int populated_sharer_verdict(pid_t pid, int go[2])
{
	int status;

	if (write(go[1], "g", 1) != 1 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(lazy, shmem_shared_by_two_processes_is_not_marked_by_move)
{
	struct area shm;
	int go[2];
	pid_t pid;

	ASSERT_EQ(0, shmem_new(&shm, AREA_PAGES, self->m.from));
	pid = populated_sharer_start(&shm, go);
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, stats_read(&self->before));
	EXPECT_EQ(0, mark(&shm, MPOL_BIND, NODE_MASK(self->m.to)));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, self->d.v[MOF_MARKED]);
	area_write(&shm);
	EXPECT_EQ(AREA_PAGES, area_on(&shm, self->m.from));
	EXPECT_EQ(0, populated_sharer_verdict(pid, go));
	EXPECT_EQ(0, area_bad(&shm));
}

TEST_F(lazy, shmem_shared_by_two_processes_moves_with_move_all_for_both)
{
	struct area shm;
	int go[2];
	pid_t pid;

	ASSERT_EQ(0, shmem_new(&shm, AREA_PAGES, self->m.from));
	pid = populated_sharer_start(&shm, go);
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, stats_read(&self->before));
	ASSERT_EQ(0, area_mbind(&shm, MPOL_BIND, NODE_MASK(self->m.to),
				MOF_LAZY_MOVE_ALL));
	area_write(&shm);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, area_on(&shm, self->m.to));
	EXPECT_EQ(AREA_PAGES, area_on_as(&shm, self->m.to, pid));
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(0, populated_sharer_verdict(pid, go));
	EXPECT_EQ(0, area_bad(&shm));
}

/* Mapped once when marked, and by a second process when touched. */
TEST_F(lazy, shmem_that_became_shared_stays)
{
	struct area shm;
	int go[2];
	pid_t pid;

	ASSERT_EQ(0, shmem_new(&shm, AREA_PAGES, self->m.from));
	ASSERT_EQ(0, mark(&shm, MPOL_BIND, NODE_MASK(self->m.to)));
	pid = populated_sharer_start(&shm, go);
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, stats_read(&self->before));
	area_write(&shm);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_RESOLVED]);
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(AREA_PAGES, area_on(&shm, self->m.from));
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_FAILED_SHARED]);
	EXPECT_EQ(0, populated_sharer_verdict(pid, go));
	EXPECT_EQ(0, area_bad(&shm));
}

/* Private file mappings: page cache pages, and private copies of them. */
TEST_F(lazy, private_file_pages_move_copied_or_not)
{
	int fd = memfd_create("mof", 0);
	struct area cache, priv;
	long i;

	ASSERT_EQ(0, ftruncate(fd, AREA_PAGES * page_size()));
	ASSERT_EQ(0, area_map_file(&cache, AREA_PAGES, RW, MAP_SHARED, fd));
	ASSERT_EQ(0, area_place(&cache, self->m.from));
	ASSERT_EQ(0, area_map_file(&priv, AREA_PAGES, RW, MAP_PRIVATE, fd));
	priv.seed = cache.seed;
	munmap(cache.base, area_bytes(&cache));
	for (i = 0; i < AREA_PAGES; i += 2)
		page_write(&priv, i);
	area_read(&priv);
	drain_lru();
	ASSERT_EQ(AREA_PAGES, area_on(&priv, self->m.from));
	ASSERT_EQ(0, mark(&priv, MPOL_BIND, NODE_MASK(self->m.to)));
	EXPECT_EQ(AREA_PAGES, area_hinted(&priv));
	area_read(&priv);
	EXPECT_EQ(AREA_PAGES, area_on(&priv, self->m.to));
	EXPECT_EQ(0, area_bad(&priv));
}

/* A file system on a disk */
FIXTURE(disk)
{
	struct machine m;
	struct disk disk;
	struct area a;		/* a shared mapping of the file, on m.from */
	int fd;
	struct stats before;
	struct stats d;
};

FIXTURE_SETUP(disk)
{
	const char *why = machine_setup_lazy(&self->m);

	if (!why)
		why = disk_mount(&self->disk);
	SKIP_SETUP(return, &self->m, why);
	EXPECT_EQ(0, run_on(self->m.from));
	EXPECT_EQ(0, area_new_file(&self->a, self->disk.dir, "file", self->m.from, &self->fd));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.from));
	EXPECT_EQ(0, stats_read(&self->before));
}

FIXTURE_TEARDOWN_PARENT(disk)
{
	disk_umount(&self->disk);
	machine_restore(&self->m);
}

TEST_F(disk, clean_file_pages_move)
{
	ASSERT_EQ(0, fsync(self->fd));
	drain_lru();
	ASSERT_EQ(0, stats_read(&self->before));
	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	EXPECT_EQ(AREA_PAGES, area_hinted(&self->a));
	area_read(&self->a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, area_bad(&self->a));
}

/* The write that migrates a clean page must also reach the disk. */
TEST_F(disk, a_write_that_moves_a_clean_page_reaches_the_disk)
{
	char *copy = malloc(area_bytes(&self->a));
	struct area again = self->a;

	ASSERT_EQ(0, fsync(self->fd));
	drain_lru();
	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	self->a.seed += 99;
	area_fill(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	ASSERT_EQ(0, fsync(self->fd));
	ASSERT_EQ(0, munmap(self->a.base, area_bytes(&self->a)));
	ASSERT_EQ(0, posix_fadvise(self->fd, 0, 0, POSIX_FADV_DONTNEED));
	ASSERT_EQ(area_bytes(&self->a), pread(self->fd, copy, area_bytes(&self->a), 0));
	again.base = copy;
	again.seed = self->a.seed;
	EXPECT_EQ(0, area_bad(&again));
	self->a.base = NULL;
}

/* Close a file; count pages whose contents on disk are not the written ones. */
static long file_bad_on_disk(const struct disk *disk, const char *name, struct area *a,
			     int fd)
{
	struct area again;
	char path[96];
	long bad;

	area_free(a);
	close(fd);
	bad = disk_remount(disk);
	if (bad)
		return bad;
	snprintf(path, sizeof(path), "%s/%s", disk->dir, name);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return -errno;
	bad = area_map_file(&again, a->pages, PROT_READ, MAP_SHARED, fd);
	close(fd);
	if (bad)
		return bad;
	again.seed = a->seed;
	bad = area_bad(&again);
	area_free(&again);
	return bad;
}

/* Compared with a second file that MPOL_MF_MOVE alone migrates. */
TEST_F(disk, dirty_file_pages_move_without_being_written_out)
{
	long kb = area_bytes(&self->a) / 1024;
	struct area eager;
	int fd;

	ASSERT_EQ(0, area_new_file(&eager, self->disk.dir, "eager", self->m.from, &fd));
	ASSERT_EQ(kb, area_smaps_kb(&self->a, "Private_Dirty"));
	ASSERT_EQ(kb, area_smaps_kb(&eager, "Private_Dirty"));
	ASSERT_EQ(0, stats_read(&self->before));
	ASSERT_EQ(0, area_mbind(&eager, MPOL_BIND, NODE_MASK(self->m.to), MPOL_MF_MOVE));
	EXPECT_EQ(AREA_PAGES, area_on(&eager, self->m.to));
	ASSERT_EQ(0, area_mbind(&self->a, MPOL_LOCAL, 0, MOF_LAZY_MOVE | MPOL_MF_STRICT));
	EXPECT_EQ(AREA_PAGES, area_hinted(&self->a));
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&self->a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(0, stats_failed(&self->d));
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, self->d.v[PGPGOUT]);
	EXPECT_EQ(0, self->d.v[NR_WRITTEN]);
	EXPECT_EQ(kb, area_smaps_kb(&self->a, "Private_Dirty"));
	EXPECT_EQ(0, area_bad(&self->a));
	EXPECT_EQ(0, area_bad(&eager));
	area_free(&eager);
	close(fd);
	EXPECT_EQ(0, file_bad_on_disk(&self->disk, "file", &self->a, self->fd));
}

TEST_F(disk, a_write_that_moves_a_dirty_page_reaches_the_disk)
{
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	EXPECT_EQ(AREA_PAGES, area_hinted(&self->a));
	ASSERT_EQ(0, run_on(self->m.to));
	self->a.seed += 7;
	area_fill(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_hinted(&self->a));
	EXPECT_EQ(0, area_bad(&self->a));
	EXPECT_EQ(0, file_bad_on_disk(&self->disk, "file", &self->a, self->fd));
}

TEST_F(disk, pages_made_dirty_by_another_mapping_after_the_call_are_not_lost)
{
	struct area second;

	ASSERT_EQ(0, fsync(self->fd));
	drain_lru();
	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	EXPECT_EQ(AREA_PAGES, area_hinted(&self->a));
	ASSERT_EQ(0, area_map_file(&second, AREA_PAGES, RW, MAP_SHARED, self->fd));
	second.seed = self->a.seed + 5;
	area_fill(&second);
	area_free(&second);
	/* Unmapped pages may be in LRU batches. */
	drain_lru();
	self->a.seed += 5;
	area_read(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_hinted(&self->a));
	EXPECT_EQ(0, area_bad(&self->a));
	EXPECT_EQ(0, fsync(self->fd));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(disk, writeback_of_marked_pages_keeps_contents)
{
	ASSERT_EQ(0, fsync(self->fd));
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	EXPECT_EQ(AREA_PAGES, area_hinted(&self->a));
	ASSERT_EQ(0, msync(self->a.base, area_bytes(&self->a), MS_SYNC));
	ASSERT_EQ(0, run_on(self->m.to));
	area_write(&self->a);
	ASSERT_EQ(0, msync(self->a.base, area_bytes(&self->a), MS_SYNC));
	EXPECT_EQ(0, area_hinted(&self->a));
	EXPECT_EQ(0, area_bad(&self->a));
}

TEST_F(disk, truncation_of_a_marked_file_kills_only_beyond_its_end)
{
	struct area first = area_part(&self->a, 0, AREA_PAGES / 2);

	ASSERT_EQ(0, fsync(self->fd));
	drain_lru();
	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	ASSERT_EQ(0, ftruncate(self->fd, area_bytes(&first)));
	EXPECT_EQ(first.pages, area_hinted(&self->a));
	area_read(&first);
	EXPECT_EQ(first.pages, area_on(&first, self->m.to));
	EXPECT_EQ(0, area_bad(&first));
}

/*
 * Direct I/O takes pages by get_user_pages(). A write to the disk only reads
 * them, which is no touch. A read from the disk writes them, which is a touch.
 */
static int open_direct(const struct disk *disk)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/direct", disk->dir);
	return open(path, O_RDWR | O_CREAT | O_DIRECT, 0600);
}

/* The completing task wakes this one before it releases the pages. */
static bool moves_when_released(const struct area *a, int node)
{
	int tries;

	area_read(a);
	for (tries = 0; tries < 200 && area_on(a, node) < a->pages; tries++) {
		usleep(50000);
		if (mark(a, MPOL_BIND, NODE_MASK(node)))
			return false;
		area_read(a);
	}
	return area_on(a, node) == a->pages;
}

TEST_F(disk, direct_io_writes_marked_pages_out_and_leaves_the_mark)
{
	int fd = open_direct(&self->disk);
	struct area buffer, copy;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, area_new(&buffer, AREA_PAGES, self->m.from));
	ASSERT_EQ(0, area_new(&copy, AREA_PAGES, self->m.from));
	ASSERT_EQ(0, mark(&buffer, MPOL_BIND, NODE_MASK(self->m.to)));
	ASSERT_EQ(area_bytes(&buffer), pwrite(fd, buffer.base, area_bytes(&buffer), 0));
	EXPECT_EQ(AREA_PAGES, area_hinted(&buffer));
	EXPECT_EQ(AREA_PAGES, area_on(&buffer, self->m.from));
	ASSERT_EQ(area_bytes(&copy), pread(fd, copy.base, area_bytes(&copy), 0));
	copy.seed = buffer.seed;
	EXPECT_EQ(0, area_bad(&copy));
	EXPECT_TRUE(moves_when_released(&buffer, self->m.to));
	EXPECT_EQ(0, area_bad(&buffer));
	close(fd);
}

TEST_F(disk, direct_io_into_marked_pages_moves_them)
{
	int fd = open_direct(&self->disk);
	struct area buffer, copy;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, area_new(&buffer, AREA_PAGES, self->m.from));
	ASSERT_EQ(0, area_new(&copy, AREA_PAGES, self->m.from));
	ASSERT_EQ(area_bytes(&buffer), pwrite(fd, buffer.base, area_bytes(&buffer), 0));
	ASSERT_EQ(0, mark(&copy, MPOL_BIND, NODE_MASK(self->m.to)));
	ASSERT_EQ(area_bytes(&copy), pread(fd, copy.base, area_bytes(&copy), 0));
	EXPECT_EQ(0, area_hinted(&copy));
	EXPECT_EQ(AREA_PAGES, area_on(&copy, self->m.to));
	copy.seed = buffer.seed;
	EXPECT_EQ(0, area_bad(&copy));
	close(fd);
}

/* ramfs has no migrate_folio method, so its dirty pages cannot migrate. */

FIXTURE(ramfs)
{
	struct machine m;
	char dir[64];
	struct area a;		/* a shared mapping of a file, on m.from */
	int fd;
	struct stats before;
	struct stats d;
};

static const char *ramfs_mount(char *dir, size_t len)
{
	snprintf(dir, len, "/tmp/mof-ramfs.XXXXXX");
	if (!mkdtemp(dir))
		return "cannot make a directory in /tmp";
	if (!mount("none", dir, "ramfs", 0, NULL))
		return NULL;
	rmdir(dir);
	dir[0] = '\0';
	return "cannot mount ramfs";
}

FIXTURE_SETUP(ramfs)
{
	const char *why = machine_setup_lazy(&self->m);

	if (!why)
		why = ramfs_mount(self->dir, sizeof(self->dir));
	SKIP_SETUP(return, &self->m, why);
	EXPECT_EQ(0, run_on(self->m.from));
	EXPECT_EQ(0, area_new_file(&self->a, self->dir, "file", self->m.from, &self->fd));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.from));
	EXPECT_EQ(0, stats_read(&self->before));
}

FIXTURE_TEARDOWN_PARENT(ramfs)
{
	if (self->dir[0]) {
		umount2(self->dir, MNT_DETACH);
		rmdir(self->dir);
	}
	machine_restore(&self->m);
}

TEST_F(ramfs, dirty_pages_that_cannot_migrate_are_not_marked_and_strict_says_so)
{
	/* An eager call does not migrate them either. */
	EXPECT_EQ(0, area_mbind(&self->a, MPOL_BIND, NODE_MASK(self->m.to), MPOL_MF_MOVE));
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.from));
	drain_lru();
	EXPECT_EQ(-EIO, area_mbind(&self->a, MPOL_BIND, NODE_MASK(self->m.to),
				   MOF_LAZY_MOVE | MPOL_MF_STRICT));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, self->d.v[MOF_MARKED]);
	EXPECT_EQ(0, area_hinted(&self->a));
	self->a.seed += 3;
	area_fill(&self->a);
	EXPECT_EQ(AREA_PAGES, area_on(&self->a, self->m.from));
	EXPECT_EQ(0, area_bad(&self->a));
}

#include "lib/main.h"
