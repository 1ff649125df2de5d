// SPDX-License-Identifier: GPL-2.0
/*
 * Resources that some tests need: a control group, a disk, a swap device,
 * pinned pages. If one is not available, functions return the reason.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/loop.h>
#include <numa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util.h"

#define DISK_BYTES	(16L << 20)
#define SMALL_NODE	(4LL << 30)	/* bytes */
#define ZRAM_PAGES	8192L
#define HOG_BYTES	(256L << 20)
#define WRITEBACK	"/proc/sys/vm/dirty_writeback_centisecs"

long read_long(const char *path)
{
	char text[64] = "";
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY);
	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 ? strtol(text, NULL, 10) : -EIO;
}

/**
 * file_line() - read the number on one line of a kernel file
 * @path: file with lines of a word, blanks, and a number
 * @key:  the word, with its colon if it has one
 *
 * Return: the number; -ENOENT without such a line, or another negative errno.
 */
long file_line(const char *path, const char *key)
{
	FILE *f = fopen(path, "r");
	size_t len = strlen(key);
	long value = -ENOENT;
	char line[128];

	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, key, len) && line[len] == ' ')
			value = strtol(line + len, NULL, 10);
	fclose(f);
	return value;
}

int write_text(const char *path, const char *text)
{
	ssize_t n;
	int err = 0;
	int fd;

	fd = open(path, O_WRONLY);
	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	if (n < 0)
		err = -errno;
	close(fd);
	return err;
}

int write_long(const char *path, long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", value);
	return write_text(path, text);
}

int cgroup_write(const struct cgroup *cg, const char *file, const char *text)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", cg->dir, file);
	return write_text(path, text);
}

/* Enable each of the space-separated controllers ("+memory +cpuset"). */
static const char *cgroup_populate(struct cgroup *cg, const char *controllers)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/cgroup.subtree_control", cg->root);
	if (write_text(path, controllers))
		return "a controller is missing from the unified cgroup hierarchy";
	snprintf(cg->dir, sizeof(cg->dir), "%s/mof-test", cg->root);
	/* A group left behind by an aborted test may have limits. */
	rmdir(cg->dir);
	if (mkdir(cg->dir, 0755) && errno != EEXIST)
		return "cannot make a control group";
	if (cgroup_write(cg, "cgroup.procs", "0"))
		return "cannot enter a control group";
	return NULL;
}

/**
 * cgroup_enter() - move the calling process into a new group
 * @cg:		 is filled in; give it to cgroup_leave() in the end
 * @controllers: required controllers, in the format of cgroup.subtree_control
 *
 * Return: NULL, or why that is not possible.
 */
const char *cgroup_enter(struct cgroup *cg, const char *controllers)
{
	const char *why;

	memset(cg, 0, sizeof(*cg));
	snprintf(cg->root, sizeof(cg->root), "/tmp/mof-cgroup.XXXXXX");
	if (!mkdtemp(cg->root))
		return "cannot make a directory in /tmp";
	if (mount("none", cg->root, "cgroup2", 0, NULL)) {
		rmdir(cg->root);
		cg->root[0] = '\0';
		return "cannot mount the unified cgroup hierarchy";
	}
	why = cgroup_populate(cg, controllers);
	if (why)
		cgroup_leave(cg);
	return why;
}

/* An exiting thread cannot be moved to another group: wait for its end. */
int cgroup_remove(const struct cgroup *cg)
{
	int i;

	for (i = 0; i < 1000 && rmdir(cg->dir); i++) {
		if (errno != EBUSY)
			return -errno;
		usleep(1000);
	}
	return i < 1000 ? 0 : -EBUSY;
}

void cgroup_leave(struct cgroup *cg)
{
	char path[160];

	if (!cg->root[0])
		return;
	snprintf(path, sizeof(path), "%s/cgroup.procs", cg->root);
	write_text(path, "0");
	if (cg->dir[0])
		cgroup_remove(cg);
	umount2(cg->root, MNT_DETACH);
	rmdir(cg->root);
	cg->root[0] = '\0';
}

/* Reading cpu.stat flushes per-CPU statistics: makes memory.stat exact. */
static void cgroup_sum_up(const struct cgroup *cg)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/cpu.stat", cg->dir);
	read_long(path);
}

/* The number on a line of a file of the group; -ENOENT without the line. */
long cgroup_line(const struct cgroup *cg, const char *file, const char *key)
{
	char path[160];

	cgroup_sum_up(cg);
	snprintf(path, sizeof(path), "%s/%s", cg->dir, file);
	return file_line(path, key);
}

long cgroup_stat(const struct cgroup *cg, const char *key)
{
	return cgroup_line(cg, "memory.stat", key);
}

int cgroup_stat_names(const struct cgroup *cg)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/memory.stat", cg->dir);
	return count_mof_names(path);
}

/* Anonymous pages charged to the group, but on none of its LRU lists. */
long cgroup_unlisted(const struct cgroup *cg)
{
	drain_lru();
	return (cgroup_stat(cg, "anon") - cgroup_stat(cg, "inactive_anon") -
		cgroup_stat(cg, "active_anon") - cgroup_stat(cg, "unevictable") +
		cgroup_stat(cg, "shmem")) / page_size();
}

static int loop_fill(const char *loop)
{
	int memory = memfd_create("mof-disk", 0);
	int fd = open(loop, O_RDWR);
	int err = 0;

	if (memory < 0 || fd < 0 || ftruncate(memory, DISK_BYTES) ||
	    ioctl(fd, LOOP_SET_FD, memory))
		err = -errno;
	close(memory);
	close(fd);		/* a device that is open for writing cannot be mounted */
	return err;
}

/* Attach a memfd to a free loop device. */
static const char *loop_attach(struct disk *d)
{
	int control, nr;

	control = open("/dev/loop-control", O_RDWR);
	if (control < 0)
		return "kernel without loop devices";
	nr = ioctl(control, LOOP_CTL_GET_FREE);
	close(control);
	if (nr < 0)
		return "no free loop device";
	snprintf(d->loop, sizeof(d->loop), "/dev/loop%d", nr);
	if (!loop_fill(d->loop))
		return NULL;
	d->loop[0] = '\0';
	return "cannot set up a loop device";
}

static void loop_detach(struct disk *d)
{
	int fd = open(d->loop, O_RDWR);

	if (fd < 0)
		return;
	ioctl(fd, LOOP_CLR_FD, 0);
	close(fd);
	d->loop[0] = '\0';
}

static const char *disk_format(struct disk *d)
{
	char command[128];

	/* A journal or lazy initialisation would write during tests. */
	snprintf(command, sizeof(command),
		 "mkfs.ext4 -q -O ^has_journal -E lazy_itable_init=0 %s >/dev/null 2>&1",
		 d->loop);
	if (system(command))
		return "mkfs.ext4 is missing, or fails";
	snprintf(d->dir, sizeof(d->dir), "/tmp/mof-disk.XXXXXX");
	if (!mkdtemp(d->dir))
		return "cannot make a directory in /tmp";
	if (mount(d->loop, d->dir, "ext4", 0, NULL)) {
		rmdir(d->dir);
		d->dir[0] = '\0';
		return "cannot mount ext4";
	}
	return NULL;
}

/**
 * disk_mount() - mount a small file system on a disk
 * @d: is filled in; give it to disk_umount() in the end
 *
 * Disables periodic writeback, so that pages stay dirty until a test writes them
 * back.
 *
 * Return: NULL, or why that is not possible.
 */
const char *disk_mount(struct disk *d)
{
	const char *why;

	memset(d, 0, sizeof(*d));
	why = loop_attach(d);
	if (!why)
		why = disk_format(d);
	if (why) {
		disk_umount(d);
		return why;
	}
	d->period = read_long(WRITEBACK);
	write_long(WRITEBACK, 0);
	sync();
	return NULL;
}

/**
 * disk_remount() - write back all pages of a disk, and drop its page cache
 * @d: a disk without open or mapped files
 *
 * Return: 0, or a negative errno.
 */
int disk_remount(const struct disk *d)
{
	if (umount2(d->dir, 0) || write_text("/proc/sys/vm/drop_caches", "1") ||
	    mount(d->loop, d->dir, "ext4", 0, NULL))
		return -errno;
	return 0;
}

void disk_umount(struct disk *d)
{
	if (d->dir[0]) {
		umount2(d->dir, MNT_DETACH);
		rmdir(d->dir);
		d->dir[0] = '\0';
	}
	if (d->loop[0])
		loop_detach(d);
	if (d->period > 0)
		write_long(WRITEBACK, d->period);
	d->period = 0;
}

/* Write a version 1 header without bad pages, as mkswap(8) does. */
static int write_swap_header(const char *device, long bytes)
{
	struct {
		char boot[1024];
		__u32 version;
		__u32 last_page;
	} head = { .version = 1, .last_page = bytes / page_size() - 1 };
	int fd = open(device, O_RDWR);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (pwrite(fd, &head, sizeof(head), 0) != sizeof(head) ||
	    pwrite(fd, "SWAPSPACE2", 10, page_size() - 10) != 10 || fsync(fd))
		err = -EIO;
	close(fd);
	return err;
}

static const char *zram_setup(void)
{
	if (access("/sys/block/zram0", F_OK))
		return "no zram device, and MOF_SWAP_DEVICE is not set";
	write_long("/sys/block/zram0/reset", 1);
	if (write_long("/sys/block/zram0/disksize", ZRAM_PAGES * page_size()))
		return "/dev/zram0 is in use, and MOF_SWAP_DEVICE is not set";
	if (write_swap_header("/dev/zram0", ZRAM_PAGES * page_size()))
		return "cannot write to /dev/zram0";
	return NULL;
}

/**
 * swap_enable() - swap to $MOF_SWAP_DEVICE, or to a zram device
 * @s: is filled in; give it to swap_disable() in the end
 *
 * Return: NULL, or why that is not possible.
 */
const char *swap_enable(struct swap *s)
{
	const char *device = getenv("MOF_SWAP_DEVICE");
	const char *why;

	s->device[0] = '\0';
	if (access("/proc/swaps", F_OK))
		return "kernel without swap";
	if (!device) {
		device = "/dev/zram0";
		why = zram_setup();
		if (why)
			return why;
	}
	if (swapon(device, 0))
		return "swapon(2) failed";
	snprintf(s->device, sizeof(s->device), "%s", device);
	return NULL;
}

void swap_disable(struct swap *s)
{
	if (!s->device[0])
		return;
	swapoff(s->device);
	if (!strcmp(s->device, "/dev/zram0"))
		write_long("/sys/block/zram0/reset", 1);
	s->device[0] = '\0';
}

static const char *pool(int node)
{
	static char path[128];

	snprintf(path, sizeof(path),
		 "/sys/devices/system/node/node%d/hugepages/hugepages-%ldkB/nr_hugepages",
		 node, thp_size() / 1024);
	return path;
}

static int write_pool(int node, long pages)
{
	return write_long(pool(node), pages);
}

/**
 * take_huge_pages() - leave a node without a free huge page
 * @node: the node; call give_huge_pages() for it in the end
 *
 * All huge pages go to the hugetlb pool. Refused on large nodes, which others may
 * be using.
 *
 * Return: NULL, or why that is not possible.
 */
const char *take_huge_pages(int node)
{
	if (numa_node_size64(node, NULL) > SMALL_NODE)
		return "would fill a node of more than 4 GiB: run this in a guest";
	if (write_pool(node, SMALL_NODE / thp_size()))
		return "kernel without hugetlb pools per node";
	return NULL;
}

void give_huge_pages(int node)
{
	write_pool(node, 0);
}

/* Give back @pages huge pages. */
int spare_huge_pages(int node, long pages)
{
	long had = read_long(pool(node));

	return had < pages ? -ENOMEM : write_pool(node, had - pages);
}

/**
 * fill_node() - leave a node without free memory
 * @hog: receives the memory; give it to empty_node() in the end, also after failure
 * @node: the node
 *
 * Takes all huge pages for hugetlb, then base pages until the kernel allocates
 * from another node.
 *
 * Return: NULL, or why that is not possible.
 */
const char *fill_node(struct area *hog, int node)
{
	const char *why = take_huge_pages(node);
	long i;

	if (why)
		return why;
	if (area_map(hog, HOG_BYTES / page_size()) ||
	    area_mbind(hog, MPOL_PREFERRED, NODE_MASK(node), 0))
		return "cannot map memory to fill a node with";
	for (i = 0; i < hog->pages; i++) {
		page_write(hog, i);
		if (i % 16 == 15 && page_node(hog, i) != node)
			return NULL;
	}
	return "a node has more memory than this test can fill";
}

void empty_node(struct area *hog, int node)
{
	area_free(hog);
	give_huge_pages(node);
}

/* Fork a child that shares the area until sharer_verdict(). */
pid_t sharer_start(const struct area *a, int go[2])
{
	pid_t pid;
	char c;

	if (pipe(go))
		return -errno;
	pid = fork();
	if (!pid) {
		close(go[1]);
		_exit(read(go[0], &c, 1) || area_bad(a) ? 1 : 0);
	}
	close(go[0]);
	return pid;
}

/* End the child; 0 if its view of the contents was right. */
int sharer_verdict(pid_t pid, const int go[2])
{
	int status;

	close(go[1]);
	return waitpid(pid, &status, 0) == pid ? status : -errno;
}

/**
 * pin_pages() - pin an area for DMA, as a registered io_uring buffer
 * @a: the area
 *
 * Return: a descriptor whose close(2) unpins, or a negative errno:
 * -EOPNOTSUPP without io_uring.
 */
int pin_pages(const struct area *a)
{
	struct iovec iov = { .iov_base = a->base, .iov_len = area_bytes(a) };
	struct io_uring_params params = { 0 };
	int ring, err;

	if (access("/proc/sys/kernel/io_uring_disabled", F_OK))
		return -EOPNOTSUPP;
	ring = syscall(__NR_io_uring_setup, 1, &params);
	if (ring < 0)
		return -errno;
	if (!syscall(__NR_io_uring_register, ring, IORING_REGISTER_BUFFERS, &iov, 1))
		return ring;
	err = -errno;
	close(ring);
	return err;
}

/**
 * hold_pages() - take plain references to pages, as zero-copy I/O does
 * @a: the pages: at most 16, which fit into any pipe
 * @ends: the pipe that holds the references; its read end returns the contents
 *
 * Return: 0, or a negative errno.
 */
int hold_pages(const struct area *a, int ends[2])
{
	struct iovec iov = { .iov_base = a->base, .iov_len = area_bytes(a) };

	if (pipe(ends))
		return -errno;
	return vmsplice(ends[1], &iov, 1, 0) == area_bytes(a) ? 0 : -EIO;
}

/* Drop the references of hold_pages(). */
void release_pages(const int ends[2])
{
	close(ends[0]);
	close(ends[1]);
}
