// SPDX-License-Identifier: GPL-2.0
/*
 * Races between the touch of a marked page and other users of the page: direct
 * I/O, registered buffers, pipes, debuggers; and kernel threads and other
 * features of memory management: khugepaged, KSM, compaction, offlining,
 * control groups, userfaultfd.
 */
#include <fcntl.h>
#include <liburing.h>
#include <linux/fs.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "lib/auto.h"
#include "lib/race_test.h"

#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE	101
#endif

#define KHUGEPAGED	"/sys/kernel/mm/transparent_hugepage/khugepaged/"
#define THP_ENABLED	"/sys/kernel/mm/transparent_hugepage/enabled"
#define KSM		"/sys/kernel/mm/ksm/"
#define COMPACT		"/proc/sys/vm/compact_memory"
#define LOOKS		200	/* polls of 10 milliseconds */
#define SCANS		2	/* one of them is a complete scan */
#define DISK		"/dev/zram0"
#define DISK_SYSFS	"/sys/block/zram0/"
#define DISK_BYTES	(256 * page_size())

/* The page behind the touched one, to which no thread writes. */
static char *next_page(const struct race *r)
{
	return r->a.base + (r->page + 1) * page_size();
}

/* Write a copy of that page, with RACE_OTHER at race_other(). */
static int write_image(struct race *r, int fd)
{
	char *image = aligned_alloc(page_size(), page_size());
	ssize_t written;

	memcpy(image, next_page(r), page_size());
	r->other_page = r->page + 1;
	*(__u64 *)(image + ((char *)race_other(r) - next_page(r))) = RACE_OTHER;
	written = pwrite(fd, image, page_size(), 0);
	free(image);
	return written == page_size() ? 0 : -EIO;
}

static const char *disk_prepare(struct race *r)
{
	if (access(DISK_SYSFS, F_OK))
		return "no zram device";
	write_long(DISK_SYSFS "reset", 1);
	if (write_long(DISK_SYSFS "disksize", DISK_BYTES))
		return DISK " is in use";
	r->file = open(DISK, O_RDWR | O_DIRECT);
	return r->file < 0 || write_image(r, r->file) ? "cannot write to " DISK : NULL;
}

static void disk_finish(struct race *r)
{
	if (r->file < 0)
		return;
	close(r->file);
	r->file = -1;
	write_long(DISK_SYSFS "reset", 1);
}

/* Direct I/O */

static int read_disk(struct race *r)
{
	ssize_t n = pread(r->file, next_page(r), page_size(), 0);

	return n == page_size() ? 0 : -EIO;
}

TEST_F(race, direct_read_into_a_page_beside_arrives_there)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.prepare = disk_prepare, .run = read_disk, .finish = disk_finish,
		.writes = true,
	});
}

/* The data on disk must be the contents of the page. */
static int write_disk(struct race *r)
{
	char *back = aligned_alloc(page_size(), page_size());
	int err = -EIO;

	if (pwrite(r->file, next_page(r), page_size(), 0) == page_size() &&
	    pread(r->file, back, page_size(), 0) == page_size())
		err = memcmp(back, next_page(r), page_size()) ? -EFAULT : 0;
	free(back);
	return err;
}

TEST_F(race, direct_write_from_a_page_beside_writes_its_contents)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.prepare = disk_prepare, .run = write_disk, .finish = disk_finish,
	});
}

/* Registered buffers of io_uring */

static int read_fixed(struct io_uring *ring, struct race *r)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	struct io_uring_cqe *cqe;
	int err;

	io_uring_prep_read_fixed(sqe, r->file, next_page(r), page_size(), 0, 0);
	err = io_uring_submit_and_wait(ring, 1);
	if (err < 0)
		return err;
	err = io_uring_wait_cqe(ring, &cqe);
	return err ? : cqe->res == page_size() ? 0 : cqe->res;
}

/* Register a buffer during the touch, use it, and unregister it. */
static int use_fixed_buffer(struct race *r)
{
	struct iovec buffer = { next_page(r), page_size() };
	struct io_uring ring;
	int err;

	err = io_uring_queue_init(4, &ring, 0);
	if (err)
		return err;
	err = io_uring_register_buffers(&ring, &buffer, 1);
	if (!err)
		err = read_fixed(&ring, r);
	io_uring_queue_exit(&ring);
	return err;
}

static const char *uring_prepare(struct race *r)
{
	struct io_uring ring;

	if (io_uring_queue_init(1, &ring, 0))
		return "kernel without io_uring";
	io_uring_queue_exit(&ring);
	return disk_prepare(r);
}

TEST_F(race, io_uring_reads_into_a_registered_buffer_beside)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.prepare = uring_prepare, .run = use_fixed_buffer,
		.finish = disk_finish, .writes = true,
	});
}

/* Pin the touched page until after the touch. */
static int register_touched(struct race *r)
{
	struct area one = area_part(&r->a, r->page, 1);

	r->file = pin_pages(&one);
	return r->file < 0 ? r->file : 0;
}

/* Try with another page: pages stay pinned for a while after unregistering. */
static const char *pin_prepare(struct race *r)
{
	struct area other;
	int fd;

	if (area_new(&other, 1, r->m->from))
		return "no memory";
	fd = pin_pages(&other);
	if (fd >= 0)
		close(fd);
	area_free(&other);
	return fd < 0 ? "kernel without io_uring" : NULL;
}

static void unpin(struct race *r)
{
	if (r->file >= 0)
		close(r->file);
	r->file = -1;
}

TEST_F(race, buffer_registered_during_the_touch_is_that_page)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.prepare = pin_prepare, .run = register_touched, .finish = unpin,
		.moves = true,
	});
}

/* Pipes */

static int splice_out(struct race *r)
{
	struct iovec page = { next_page(r), page_size() };
	char *back = malloc(page_size());
	int err = -EIO, fds[2];

	if (pipe(fds))
		return -errno;
	if (vmsplice(fds[1], &page, 1, 0) == page_size() &&
	    read(fds[0], back, page_size()) == page_size())
		err = memcmp(back, next_page(r), page_size()) ? -EFAULT : 0;
	close(fds[0]);
	close(fds[1]);
	free(back);
	return err;
}

TEST_F(race, vmsplice_of_a_page_beside_gives_its_contents)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.run = splice_out,
	});
}

/* Debuggers write to the touched page */

static int write_from_outside(struct race *r)
{
	__u64 value = RACE_OTHER;
	struct iovec from = { &value, sizeof(value) };
	struct iovec to = { race_other(r), sizeof(value) };

	if (process_vm_writev(getpid(), &from, 1, &to, 1, 0) != sizeof(value))
		return -errno;
	return 0;
}

TEST_F(race, process_vm_writev_to_the_touched_page_is_seen)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.run = write_from_outside, .writes = true, .moves = true,
	});
}

static int write_proc_mem(struct race *r)
{
	__u64 value = RACE_OTHER;
	int fd = open("/proc/self/mem", O_RDWR);
	ssize_t n;

	n = pwrite(fd, &value, sizeof(value), (off_t)(uintptr_t)race_other(r));
	close(fd);
	return n == sizeof(value) ? 0 : -EIO;
}

TEST_F(race, write_to_proc_mem_of_the_touched_page_is_seen)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.run = write_proc_mem, .writes = true, .moves = true,
	});
}

/* A process that shares the address space, as fork() would share pages. */
struct debugger {
	const struct race *r;
	pid_t pid;
	int fds[2];
	char stack[65536];
};

static struct debugger debugger;

/* Stop the thread that waits for it. */
static int poke(void *arg)
{
	struct debugger *d = arg;
	int status;
	pid_t tid;

	if (read(d->fds[0], &tid, sizeof(tid)) != sizeof(tid) ||
	    ptrace(PTRACE_SEIZE, tid, NULL, NULL) ||
	    ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) ||
	    waitpid(tid, &status, __WALL) != tid ||
	    ptrace(PTRACE_POKEDATA, tid, race_other(d->r), RACE_OTHER))
		return 1;
	return ptrace(PTRACE_DETACH, tid, NULL, NULL) ? 2 : 0;
}

static void *stack_top(struct debugger *d)
{
	return (void *)((uintptr_t)(d->stack + sizeof(d->stack)) & ~63UL);
}

static const char *poke_prepare(struct race *r)
{
	struct debugger *d = &debugger;

	d->r = r;
	if (pipe(d->fds))
		return "no pipe";
	d->pid = clone(poke, stack_top(d), CLONE_VM | SIGCHLD, d);
	return d->pid < 0 ? "no process" : NULL;
}

static int be_poked(struct race *r)
{
	struct debugger *d = &debugger;
	pid_t tid = syscall(SYS_gettid);
	int status;

	if (write(d->fds[1], &tid, sizeof(tid)) != sizeof(tid))
		return -EIO;
	while (waitpid(d->pid, &status, 0) != d->pid)
		if (errno != EINTR)
			return -errno;
	return -status;
}

static void poke_finish(struct race *r)
{
	close(debugger.fds[0]);
	close(debugger.fds[1]);
}

TEST_F(race, ptrace_that_pokes_the_touched_page_is_seen)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.prepare = poke_prepare, .run = be_poked, .finish = poke_finish,
		.writes = true, .moves = true,
	});
}

/* khugepaged */

/* While khugepaged is stopped, the VMA can be registered with it. */
static const char *khugepaged_stop(struct race *r)
{
	struct area first;
	bool gone;

	/* madvise() registers the process with khugepaged. */
	if (area_map_file(&first, extent_pages(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1) ||
	    madvise(first.base, area_bytes(&first), MADV_HUGEPAGE))
		return "cannot set up khugepaged";
	area_free(&first);
	gone = !write_text(THP_ENABLED, "never") && !kernel_thread("khugepaged");
	if (!gone || madvise(r->a.base, area_bytes(&r->a), MADV_HUGEPAGE))
		return "khugepaged cannot be stopped";
	return NULL;
}

static const char *khugepaged_prepare(struct race *r)
{
	const char *why = thp_missing();

	if (!why && write_text(SHMEM_THP, "advise"))
		why = "no huge pages of shared memory";
	if (!why && (write_long(KHUGEPAGED "scan_sleep_millisecs", 0) ||
		     write_long(KHUGEPAGED "alloc_sleep_millisecs", 0)))
		why = "cannot set up khugepaged";
	return why ? : khugepaged_stop(r);
}

/*
 * khugepaged starts, and scans the VMA. It waits at migration entries, as for
 * swap, and makes no further progress then.
 */
static int be_collapsed(struct race *r)
{
	long scans = read_long(KHUGEPAGED "full_scans");

	return write_text(THP_ENABLED, "madvise") ? :
	       kernel_thread_reaches("khugepaged", KHUGEPAGED "full_scans",
				     scans + SCANS);
}

static void khugepaged_finish(struct race *r)
{
	write_text(THP_ENABLED, "madvise");
	write_long(KHUGEPAGED "scan_sleep_millisecs", 10000);
	write_long(KHUGEPAGED "alloc_sleep_millisecs", 60000);
	write_text(SHMEM_THP, "never");
}

TEST_F(race, khugepaged_at_full_speed_keeps_contents)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.prepare = khugepaged_prepare, .run = be_collapsed,
		.finish = khugepaged_finish, .moves = true, .first = true,
		.pages = extent_pages(),
	});
}

/* KSM */

/* A second area with the same contents for pages to be merged with. */
static const char *ksm_prepare(struct race *r)
{
	static struct area twin;

	if (r->kind == RACE_SHARED)
		return "KSM merges anonymous memory only";
	if (read_long(KSM "run") < 0)
		return "kernel without KSM";
	if (area_new(&twin, RACE_PAGES, r->m->from))
		return "no memory";
	twin.seed = r->a.seed;
	area_fill(&twin);
	r->data = &twin;
	madvise(r->a.base, area_bytes(&r->a), MADV_MERGEABLE);
	madvise(twin.base, area_bytes(&twin), MADV_MERGEABLE);
	write_long(KSM "pages_to_scan", 10000);
	write_long(KSM "sleep_millisecs", 0);
	/* Smart scanning might skip two equal pages alternately, for ever. */
	write_long(KSM "smart_scan", 0);
	return NULL;
}

/*
 * KSM waits for no page, and merges those that are not under migration. It
 * skips marked THPs: if no thread is held, it may have to scan until the touch.
 */
static int be_merged(struct race *r)
{
	long scans = read_long(KSM "full_scans");
	int err;

	if (write_long(KSM "run", 1))
		return -EPERM;
	err = kernel_thread_reaches("ksmd", KSM "full_scans", scans + SCANS);
	return err ? : kernel_thread_reaches("ksmd", KSM "pages_sharing", 1);
}

static void ksm_finish(struct race *r)
{
	write_long(KSM "run", 2);
	write_long(KSM "run", 0);
	write_long(KSM "sleep_millisecs", 20);
	write_long(KSM "pages_to_scan", 100);
	write_long(KSM "smart_scan", 1);
	if (r->data)
		area_free(r->data);
	r->data = NULL;
}

TEST_F(race, ksm_at_full_speed_keeps_contents)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.prepare = ksm_prepare, .run = be_merged, .finish = ksm_finish,
		.moves = true, .first = true,
	});
}

/* Compaction and offlining */

static int compact(struct race *r)
{
	return write_text(COMPACT, "1");
}

static const char *compact_prepare(struct race *r)
{
	return access(COMPACT, W_OK) ? "kernel without compaction" : NULL;
}

TEST_F(race, compaction_keeps_contents)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.prepare = compact_prepare, .run = compact, .moves = true,
	});
}

/* The touched page itself, which may be busy. */
static int soft_offline(struct race *r)
{
	return madvise(r->a.base + r->page * page_size(), page_size(),
		       MADV_SOFT_OFFLINE) ? -errno : 0;
}

static const char *soft_offline_prepare(struct race *r)
{
	if (r->kind == RACE_THP)
		return "would take a huge page offline each time";
	return madvise(r->a.base, page_size(), MADV_SOFT_OFFLINE) ?
	       "kernel without memory failure" : NULL;
}

TEST_F(race, soft_offline_of_the_page_keeps_contents)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.prepare = soft_offline_prepare, .run = soft_offline, .moves = true,
		.may_fail = true,
	});
}

/* Control groups */

static const char *memory_prepare(struct race *r)
{
	const char *why = race_swap_prepare(r);

	/* Fault pages in now, so that they are charged to the group. */
	if (!why)
		why = cgroup_enter(&r->cgroup, "+memory");
	if (!why && area_place(&r->a, r->m->from))
		why = "cannot place the area";
	return why;
}

/* The limit is below the group's usage, so some pages are reclaimed. */
static int limit(struct race *r)
{
	char text[32];
	int err;

	snprintf(text, sizeof(text), "%ld", area_bytes(&r->a));
	err = cgroup_write(&r->cgroup, "memory.high", text);
	return err ? : cgroup_write(&r->cgroup, "memory.high", "max");
}

static void memory_finish(struct race *r)
{
	cgroup_leave(&r->cgroup);
	race_swap_finish(r);
}

TEST_F(race, limit_of_the_memory_group_keeps_contents)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.prepare = memory_prepare, .run = limit, .finish = memory_finish,
		.moves = true,
	});
}

/* Pages stay charged to the removed group. */
static int remove_group(struct race *r)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/cgroup.procs", r->cgroup.root);
	return write_long(path, getpid()) ? : cgroup_remove(&r->cgroup);
}

TEST_F(race, group_that_is_removed_leaves_pages_and_charges)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.prepare = memory_prepare, .run = remove_group,
		.finish = memory_finish,
	});
}

static const char *cpuset_prepare(struct race *r)
{
	return cgroup_enter(&r->cgroup, "+cpuset");
}

/* Migrates all memory of the group, and then allows both nodes again. */
static int allow_source_only(struct race *r)
{
	char text[32];
	int err;

	snprintf(text, sizeof(text), "%d", r->m->from);
	err = cgroup_write(&r->cgroup, "cpuset.mems", text);
	snprintf(text, sizeof(text), "%d,%d", r->m->from, r->m->to);
	return err ? : cgroup_write(&r->cgroup, "cpuset.mems", text);
}

static void group_finish(struct race *r)
{
	cgroup_leave(&r->cgroup);
}

TEST_F(race, cpuset_that_changes_keeps_contents)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.prepare = cpuset_prepare, .run = allow_source_only,
		.finish = group_finish, .moves = true,
	});
}

/* The stock balancer */

static int balance_by_stock_code(struct race *r)
{
	int err = write_long(BALANCING, 1);

	return err ? : write_long(BALANCING, 0);
}

TEST_F(race, balancing_that_is_turned_on_and_off_keeps_contents)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.run = balance_by_stock_code,
	});
}

/* userfaultfd */

static const char *uffd_prepare(struct race *r, __u64 features, __u64 mode)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	struct uffdio_register reg = {
		.range = { (uintptr_t)r->a.base, area_bytes(&r->a) },
		.mode = mode,
	};

	r->file = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (r->file < 0 || ioctl(r->file, UFFDIO_API, &api) ||
	    ioctl(r->file, UFFDIO_REGISTER, &reg))
		return "kernel without this feature of userfaultfd";
	return NULL;
}

static void uffd_finish(struct race *r)
{
	if (r->file >= 0)
		close(r->file);
	r->file = -1;
}

/* Has a page been written since it was protected? */
static int scan(struct race *r, long page, __u64 flags)
{
	struct page_region found;
	struct pm_scan_arg arg = {
		.size = sizeof(arg), .flags = flags, .vec_len = 1,
		.start = (uintptr_t)r->a.base + page * page_size(),
		.end = (uintptr_t)r->a.base + (page + 1) * page_size(),
		.vec = (uintptr_t)&found,
		.category_mask = PAGE_IS_WRITTEN, .return_mask = PAGE_IS_WRITTEN,
	};
	int fd = open("/proc/self/pagemap", O_RDONLY), n;

	n = ioctl(fd, PAGEMAP_SCAN, &arg);
	close(fd);
	return n < 0 ? -errno : n;
}

static const char *async_prepare(struct race *r)
{
	return uffd_prepare(r, UFFD_FEATURE_WP_ASYNC, UFFDIO_REGISTER_MODE_WP);
}

/* Write-protect all pages, including those under migration. */
static int protect_by_scan(struct race *r)
{
	long page;
	int n;

	for (page = 0; page < r->a.pages; page++) {
		n = scan(r, page, PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC);
		if (n < 0)
			return n;
	}
	return 0;
}

/* The touch is held before its write, so the write must be reported. */
static int is_written(struct race *r)
{
	return !have_points() || scan(r, r->page, 0) == 1 ? 0 : -EIO;
}

TEST_F(race, pagemap_scan_that_protects_does_not_hide_the_write)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.prepare = async_prepare, .run = protect_by_scan,
		.check = is_written, .finish = uffd_finish,
	});
}

static const char *missing_prepare(struct race *r)
{
	if (r->kind == RACE_SHARED)
		return "MADV_DONTNEED only unmaps shared memory";
	return uffd_prepare(r, 0, UFFDIO_REGISTER_MODE_MISSING);
}

/* Drop all pages, and copy the same contents back, as a pager does. */
static int drop_and_copy(struct race *r)
{
	struct area copy = r->a;
	struct uffdio_copy c = {
		.dst = (uintptr_t)r->a.base, .len = area_bytes(&r->a),
	};
	int err;

	copy.base = aligned_alloc(page_size(), area_bytes(&r->a));
	area_fill(&copy);
	c.src = (uintptr_t)copy.base;
	if (madvise(r->a.base, area_bytes(&r->a), MADV_DONTNEED))
		return -errno;
	err = ioctl(r->file, UFFDIO_COPY, &c) ? -errno : 0;
	free(copy.base);
	return err;
}

TEST_F(race, userfaultfd_that_fills_in_dropped_pages_keeps_contents)
{
	if (!have_points())
		SKIP(return, NO_POINTS);
	race_with(_metadata, &self->r, &(struct race_op) {
		.prepare = missing_prepare, .run = drop_and_copy,
		.finish = uffd_finish, .moves = true,
	});
}

static const char *minor_prepare(struct race *r)
{
	if (r->kind != RACE_SHARED)
		return "minor faults exist for shared memory only";
	return uffd_prepare(r, UFFD_FEATURE_MINOR_SHMEM, UFFDIO_REGISTER_MODE_MINOR);
}

/* Drop the page tables, not the pages, and map the pages again. */
static int drop_and_continue(struct race *r)
{
	struct uffdio_continue c = { .range.len = page_size() };
	long page;

	if (madvise(r->a.base, area_bytes(&r->a), MADV_DONTNEED))
		return -errno;
	for (page = 0; page < r->a.pages; page++) {
		c.range.start = (uintptr_t)r->a.base + page * page_size();
		/* Already mapped by the touch, which has been released. */
		if (ioctl(r->file, UFFDIO_CONTINUE, &c) && errno != EEXIST)
			return -errno;
	}
	return 0;
}

/* A missing page would block all later readers. */
static int nobody_waits(struct race *r)
{
	uffd_finish(r);
	return 0;
}

TEST_F(race, userfaultfd_that_maps_pages_again_keeps_contents)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.prepare = minor_prepare, .run = drop_and_continue,
		.check = nobody_waits, .finish = uffd_finish, .moves = true,
	});
}

#ifdef UFFDIO_MOVE
/* Move a page away and back: busy pages are refused or waited for. */
static int move_by_uffd(struct race *r, const char *to, const char *from)
{
	struct uffdio_move move = {
		.dst = (uintptr_t)to, .src = (uintptr_t)from, .len = page_size(),
		.mode = UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES,
	};

	int tries;

	for (tries = 0; tries < LOOKS; tries++) {
		if (!ioctl(r->file, UFFDIO_MOVE, &move))
			return 0;
		if (errno != EAGAIN && errno != EBUSY)
			break;
		usleep(10000);
	}
	return -errno;
}

static int move_there_and_back(struct race *r)
{
	const char *page = r->a.base + (r->page + 1) * page_size();
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct area there;
	int err = area_map(&there, 1);

	reg.range.start = (uintptr_t)there.base;
	reg.range.len = page_size();
	if (err || ioctl(r->file, UFFDIO_REGISTER, &reg))
		return err ? : -errno;
	err = move_by_uffd(r, there.base, page);
	if (!err)
		err = move_by_uffd(r, page, there.base);
	area_free(&there);
	return err;
}

static const char *move_prepare(struct race *r)
{
	if (r->kind == RACE_SHARED)
		return "userfaultfd moves anonymous memory only";
	return uffd_prepare(r, UFFD_FEATURE_MOVE, UFFDIO_REGISTER_MODE_MISSING);
}

TEST_F(race, userfaultfd_that_moves_a_page_beside_keeps_contents)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.prepare = move_prepare, .run = move_there_and_back,
		.finish = uffd_finish, .moves = true, .may_fail = true,
	});
}
#endif

#include "lib/main.h"
