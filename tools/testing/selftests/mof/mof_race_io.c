// SPDX-License-Identifier: GPL-2.0
/*
 * Races between the touch of a marked page and those who get hold of the page
 * itself: direct I/O, registered buffers, pipes, debuggers.
 */
#include <fcntl.h>
#include <liburing.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "lib/race_paths.h"

#define DISK		"/dev/zram0"
#define DISK_SYSFS	"/sys/block/zram0/"
#define DISK_BYTES	(256 * page_size())

/* The page behind the touched one, which nobody writes to. */
static char *next_page(const struct race *r)
{
	return r->a.base + (r->page + 1) * page_size();
}

/* The same with RACE_OTHER where race_other() is. */
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

/* What it has written must be what is in the page. */
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

/* Pinned while the touch is under way, used, and unpinned. */
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

/* The very page, and it stays pinned over the end of the touch. */
static int register_touched(struct race *r)
{
	struct area one = area_part(&r->a, r->page, 1);

	r->file = pin_pages(&one);
	return r->file < 0 ? r->file : 0;
}

/* With a page of its own: it stays pinned for a while after it is let go. */
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

/* Debuggers: these write to the very page */

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

/* What the debugger has: it shares the memory, so that no page is shared by fork. */
struct debugger {
	const struct race *r;
	pid_t pid;
	int fds[2];
	char stack[65536];
};

static struct debugger debugger;

/* Stops the one thread that waits for it. */
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

#include "lib/main.h"
