// SPDX-License-Identifier: GPL-2.0
/*
 * The workload "hold": how long is a thread held that asks the kernel for
 * nothing? Threads take turns, so that nobody else is busy: each touches some
 * memory, to give the balancer something to look at, and then reads the clock
 * in a loop. The longest time between two reads has all that interrupts do, and
 * the work that a tick leaves to the thread.
 */
#include <numa.h>
#include <numaif.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "auto.h"

#define BACKING_BYTES	(512UL << 20)	/* mapped again and again */
#define TURN_NS		100000000ULL
#define TOUCH_NS	20000000ULL	/* of a turn */
#define MARGIN_NS	5000000ULL	/* nobody reads so long before the next */
#define STRIDE		7919		/* pages between two touches; a prime */

/* Of each process: the same file in all mappings */
static char *mapped;
static size_t backing, nr_mappings;

static size_t backing_bytes(const struct auto_opts *opts)
{
	size_t page = base_page_bytes();
	size_t bytes = opts->bytes < BACKING_BYTES ? opts->bytes : BACKING_BYTES;

	return bytes / page * page ?: page;
}

/* Of memory that other workloads have: as little as can be */
static size_t hardly_any(const struct auto_opts *opts)
{
	(void)opts;
	return AUTO_MAX_THREADS * base_page_bytes();
}

static int prefer(int node)
{
	struct bitmask *nodes = numa_allocate_nodemask();
	int ret;

	numa_bitmask_setbit(nodes, node);
	ret = (int)set_mempolicy(MPOL_PREFERRED, nodes->maskp, nodes->size + 1);
	numa_free_nodemask(nodes);
	return ret;
}

/* Half of it on the first node, half on the second */
static int fill_backing(const struct plan *plan, int fd)
{
	char *base = mmap(NULL, backing, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			  0);

	if (base == MAP_FAILED)
		return -1;
	for (size_t i = 0; i < 2; i++) {
		if (prefer(plan->nodes[i]))
			return -1;
		for (size_t at = i * (backing / 2); at < (i + 1) * (backing / 2);
		     at += base_page_bytes())
			base[at] = 1;
	}
	munmap(base, backing);
	return (int)set_mempolicy(MPOL_DEFAULT, NULL, 0);
}

static int map_all(int fd)
{
	mapped = mmap(NULL, nr_mappings * backing, PROT_NONE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mapped == MAP_FAILED)
		return -1;
	for (size_t i = 0; i < nr_mappings; i++)
		if (mmap(mapped + i * backing, backing, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd, 0) ==
		    MAP_FAILED)
			return -1;
	return 0;
}

static int map_backing(const struct plan *plan)
{
	int fd = memfd_create("numa-bench", MFD_CLOEXEC), ret;

	backing = backing_bytes(plan->opts);
	nr_mappings = plan->opts->bytes / backing;
	if (nr_mappings < plan->nr_threads)
		nr_mappings = plan->nr_threads;
	if (fd < 0)
		return -1;
	ret = ftruncate(fd, (off_t)backing) || fill_backing(plan, fd) ||
	      map_all(fd) ? -1 : 0;
	close(fd);
	return ret;
}

/* The file, and page tables: eight bytes for each page mapped */
static const char *missing_memory(const struct plan *plan)
{
	size_t need = backing_bytes(plan->opts) / 2;

	need += plan->opts->bytes / base_page_bytes() * 8;
	for (unsigned int i = 0; i < 2; i++)
		if (topo_available_bytes(plan->nodes[i]) < need + need / 16)
			return "a node has too little free memory; use a smaller --size";
	return NULL;
}

static uint64_t turn_begin(const struct worker *worker, uint64_t now)
{
	unsigned int nr = worker->plan->nr_threads;
	uint64_t turn = now / TURN_NS + 1;

	turn += (worker->thread + nr - turn % nr) % nr;
	return turn * TURN_NS;
}

static void sleep_until(uint64_t ns)
{
	struct timespec ts = {
		.tv_sec = (time_t)(ns / 1000000000),
		.tv_nsec = (long)(ns % 1000000000),
	};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

/* Each thread has mappings of its own, all of the same file. */
static void touch_mappings(struct worker *worker, uint64_t until)
{
	size_t nr = worker->plan->nr_threads, page = base_page_bytes();
	size_t pages = backing / page;
	size_t all = nr_mappings / nr * pages;

	while (now_ns() < until) {
		size_t map = worker->pos / pages * nr + worker->thread;

		mapped[map * backing + worker->pos % pages * page]++;
		worker->pos = (worker->pos + STRIDE) % all;
		worker->touches++;
		yield_cpu();
	}
	worker->slot->touches = worker->touches;
}

/* What passes while somebody looks at us is not our kernel's doing. */
static void read_clock(struct worker *worker, uint64_t until)
{
	const struct board *board = worker->plan->board;
	struct slot *slot = worker->slot;
	unsigned int looks, looks_before = board->looks;
	uint64_t now, before = now_ns();

	for (unsigned int i = 1; (now = now_ns()) < until; i++) {
		looks = board->looks;
		if (looks == looks_before && looks % 2 == 0 &&
		    now - before > slot->longest_ns)
			slot->longest_ns = now - before;
		looks_before = looks;
		before = now;
		if (i % 64 == 0)
			yield_cpu();
	}
}

static void take_turns(struct worker *worker)
{
	while (!worker->plan->board->stop) {
		uint64_t begin = turn_begin(worker, now_ns());

		sleep_until(begin);
		touch_mappings(worker, begin + TOUCH_NS);
		read_clock(worker, begin + TURN_NS - MARGIN_NS);
	}
}

static unsigned int no_shares(const struct plan *plan)
{
	(void)plan;
	return 0;
}

const struct auto_workload hold = {
	.name = "hold",
	.does =
		"threads on all nodes in turn touch some of --size, half of which is on the wrong node, then read the clock in a loop",
	.expect =
		"the longest time between two reads is little more than with the balancer off",
	.procs = 1, .no_owner = true, .gaps = true, .shares = no_shares,
	.bytes = hardly_any, .missing = missing_memory, .confine = map_backing,
	.work = take_turns,
};
