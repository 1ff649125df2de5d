// SPDX-License-Identifier: GPL-2.0
/* The workloads of "numa-bench auto". */
#include <errno.h>
#include <fcntl.h>
#include <numaif.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "auto.h"

static unsigned int first_then_second(const struct plan *plan,
				      unsigned int thread, unsigned int epoch)
{
	return epoch ? 1 : 0;
}

const struct auto_workload handover = {
	.name = "handover",
	.does =
		"a thread fills the memory and uses it for a --period, then moves to another node and keeps using it; time counts from there",
	.expect = "all memory follows once: 100% local, and nothing more to do",
	.threads = THREADS_FIRST_NODE, .procs = 1, .spread_fill = true,
	.settles_first = true, .node_of = first_then_second,
};

const struct auto_workload split = {
	.name = "split",
	.does =
		"the main thread fills all, then threads on all nodes each use a part of it",
	.expect = "each part moves to its thread once; the main thread's part stays",
	.procs = 1,
};

static void every_nth(const struct plan *plan, struct share *share,
		      unsigned int idx)
{
	share->first = idx;
	share->step = plan->nr_threads;
	share->nr = (plan->area.nr_pages - idx + share->step - 1) / share->step;
}

const struct auto_workload interleave = {
	.name = "interleave",
	.does =
		"the main thread fills all; base pages belong to threads on all nodes in turn",
	.expect =
		"with 4k pages each page moves to its thread, once; with THPs no node is right",
	.procs = 1, .layout = every_nth,
};

static void all_pages(const struct plan *plan, struct share *share,
		      unsigned int idx)
{
	share->proc = idx;
	share->nr = plan->area.nr_pages;
}

static unsigned int one_share(const struct plan *plan)
{
	return 1;
}

static unsigned int first(const struct plan *plan, unsigned int thread,
			  unsigned int epoch)
{
	return 0;
}

const struct auto_workload shared = {
	.name = "shared",
	.does = "threads on all nodes read and write all memory",
	.expect = "no node is right: migrations come to an end",
	.procs = 1, .no_owner = true, .layout = all_pages, .shares = one_share,
	.share_of = first,
};

static unsigned int rotate(const struct plan *plan, unsigned int thread,
			   unsigned int epoch)
{
	return (thread + epoch) % plan->nr_threads;
}

const struct auto_workload phase = {
	.name = "phase",
	.does =
		"each thread fills a part and uses it; after each --period all take over the part of their neighbour on another node",
	.expect =
		"memory follows each swap while that pays, and stays if swaps come too often",
	.procs = 1, .spread_fill = true, .periodic = true, .share_of = rotate,
};

const struct auto_workload steady = {
	.name = "steady",
	.does = "threads on all nodes each fill a part and keep using it",
	.expect = "nothing to do: no migrations, and hardly any faults",
	.procs = 1, .spread_fill = true,
};

#define CGROUP		"/sys/fs/cgroup"

/* Binds all memory of the process to the first node, like numactl --membind. */
static int bind_memory(const struct plan *plan)
{
	return topo_set_policy(MPOL_BIND, plan->nodes[0]);
}

const struct auto_workload bound = {
	.name = "bound",
	.does = "split, with all memory bound to the first node (MPOL_BIND)",
	.expect = "nothing can be done: no faults, no PTE updates",
	.procs = 1, .confine = bind_memory,
};

const struct auto_workload bound_node = {
	.name = "bound-node",
	.does = "all threads on the first node, where all memory is",
	.expect = "nothing to do: no faults, no PTE updates",
	.procs = 1, .node_of = first,
};

static char cpuset[64];

static int write_cgroup(const char *dir, const char *file, const char *text)
{
	ssize_t len = (ssize_t)strlen(text);
	char path[128];
	int fd, ret;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ret = write(fd, text, len) == len ? 0 : -1;
	close(fd);
	return ret;
}

/* Async-signal-safe: also called by a signal handler */
void cpuset_remove(void)
{
	if (*cpuset)
		rmdir(cpuset);
	*cpuset = '\0';
}

static int make_cpuset(const struct plan *plan)
{
	char path[64], cpus[1024], node[16];

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/cpulist",
		 plan->nodes[0]);
	snprintf(node, sizeof(node), "%d", plan->nodes[0]);
	snprintf(cpuset, sizeof(cpuset), CGROUP "/numa-bench.%d", getpid());
	if (write_cgroup(CGROUP, "cgroup.subtree_control", "+cpuset") ||
	    mkdir(cpuset, 0755)) {
		*cpuset = '\0';
		return -1;
	}
	if (!write_cgroup(cpuset, "cpuset.mems", node) &&
	    !write_cgroup(cpuset, "cpuset.cpus",
			  read_line(path, cpus, sizeof(cpus))))
		return 0;
	cpuset_remove();
	return -1;
}

static const char *missing_cpuset(const struct plan *plan)
{
	if (make_cpuset(plan))
		return "no cpuset can be made below " CGROUP " (needs root and cgroup v2)";
	cpuset_remove();
	return NULL;
}

static int enter_cpuset(const struct plan *plan)
{
	return write_cgroup(cpuset, "cgroup.procs", "0");
}

static void leave_cpuset(const struct plan *plan)
{
	cpuset_remove();
}

const struct auto_workload bound_cpuset = {
	.name = "bound-cpuset",
	.does = "bound-node, in a cpuset of the first node only",
	.expect = "nothing can be done: no faults, no PTE updates",
	.procs = 1, .node_of = first, .missing = missing_cpuset,
	.prepare = make_cpuset, .confine = enter_cpuset,
	.finish = leave_cpuset,
};

static unsigned int shares_of_processes(const struct plan *plan)
{
	return plan->nr_procs;
}

static unsigned int share_of_process(const struct plan *plan,
				     unsigned int thread, unsigned int epoch)
{
	return plan_proc_of(plan, thread);
}

const struct auto_workload numa01 = {
	.name = "numa01",
	.does =
		"two processes; all threads of a process use all of its memory, anywhere",
	.expect = "each process comes together on a node, with its memory",
	.threads = THREADS_ALL_CPUS, .procs = 2, .unpinned = true,
	.layout = all_pages, .shares = shares_of_processes,
	.share_of = share_of_process,
};

const struct auto_workload numa02 = {
	.name = "numa02",
	.does =
		"one process; the main thread fills all, then each thread uses a part, anywhere",
	.expect =
		"threads spread over the nodes, and each part is where its thread is",
	.threads = THREADS_ALL_CPUS, .procs = 1, .unpinned = true,
};

/*
 * churn: servers start one short-lived process after another, like a build.
 * Processes are forked without exec, so to the balancer their memory is new.
 */
#define JOB_SHARE	64	/* a process has --size / JOB_SHARE of memory */
#define MIN_SWEEPS	16	/* over this memory; at most 64 times as many */
#define LENGTHS		7

/* Returns 0 if all touches of the process are found in its memory. */
static int job_run(struct worker *worker, unsigned int sweeps)
{
	const struct share all = {
		.step = 1, .nr = worker->plan->area.nr_pages,
	};
	uint64_t before = worker->touches;

	worker->pos = 0;
	for (unsigned int i = 0; i < sweeps && !worker->plan->board->stop; i++) {
		touch_pages(worker, &all, all.nr);
		worker_pause(worker);
	}
	return worker->touches - before != worker_count(worker);
}

/* Children count their touches in shared memory. */
static void serve(struct worker *worker)
{
	uint64_t seed = mix64(worker->plan->opts->seed + worker->thread);

	for (uint64_t job = 0; !worker->plan->board->stop; job++) {
		pid_t pid = fork();
		int status = 0;

		if (!pid)
			_exit(job_run(worker, MIN_SWEEPS <<
				      (mix64(seed + job) % LENGTHS)));
		if (pid < 0)
			break;
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		worker->slot->lost_touches += status != 0;
		worker->touches = worker->slot->touches;
		worker->slot->jobs++;
	}
}

static unsigned int no_shares(const struct plan *plan)
{
	return 0;
}

static size_t job_bytes(const struct auto_opts *opts)
{
	return opts->bytes / JOB_SHARE;
}

const struct auto_workload churn = {
	.name = "churn",
	.does =
		"processes on all CPUs fork one short-lived process after the other, each with 1/64 of --size",
	.expect =
		"the same work as with the balancer off: processes end before balancing them pays off",
	.threads = THREADS_ALL_CPUS, .unpinned = true, .no_owner = true,
	.shares = no_shares, .bytes = job_bytes, .work = serve,
};

/*
 * hold: for how long do interrupts and deferred work hold a thread that does not
 * enter the kernel? Threads take turns, so that the others are idle: each touches
 * some memory, which gives the balancer work, and then reads the clock in a loop.
 * The result is the longest time between two reads.
 */
#define BACKING_BYTES	(512UL << 20)	/* mapped several times */
#define TURN_NS		100000000ULL
#define TOUCH_NS	20000000ULL	/* for touches in a turn */
#define MARGIN_NS	5000000ULL	/* idle time at the end of a turn */
#define STRIDE		7919		/* pages between two touches; a prime */

/* All mappings are of the same file. */
static char *mapped;
static size_t backing, nr_mappings;

static size_t backing_bytes(const struct auto_opts *opts)
{
	size_t page = base_page_bytes();
	size_t bytes = opts->bytes < BACKING_BYTES ? opts->bytes : BACKING_BYTES;

	return bytes / page * page ?: page;
}

/* hold uses the backing file, so the area is minimal. */
static size_t hardly_any(const struct auto_opts *opts)
{
	return AUTO_MAX_THREADS * base_page_bytes();
}

/* Fills the first half on the first node, the other half on the second. */
static int fill_backing(const struct plan *plan, int fd)
{
	char *base = mmap(NULL, backing, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			  0);

	if (base == MAP_FAILED)
		return -1;
	for (size_t i = 0; i < 2; i++) {
		if (topo_set_policy(MPOL_PREFERRED, plan->nodes[i]))
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

/* The file and its page tables: 8 bytes per mapped page */
static const char *missing_memory(const struct plan *plan)
{
	size_t need = backing_bytes(plan->opts) / 2;

	need += plan->opts->bytes / base_page_bytes() * 8;
	for (unsigned int i = 0; i < 2; i++)
		if (topo_available_bytes(plan->nodes[i]) < need + need / 16)
			return "a node has too little free memory; use a smaller --size";
	return NULL;
}

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

/* Gaps during a probe are not counted: it interrupts this thread. */
static void read_clock(struct worker *worker, uint64_t until)
{
	const struct board *board = worker->plan->board;
	struct slot *slot = worker->slot;
	unsigned int probes, probes_before = board->probes;
	uint64_t now, before = now_ns();

	for (unsigned int i = 1; (now = now_ns()) < until; i++) {
		probes = board->probes;
		if (probes == probes_before && probes % 2 == 0 &&
		    now - before > slot->longest_ns)
			slot->longest_ns = now - before;
		probes_before = probes;
		before = now;
		if (i % 64 == 0)
			yield_cpu();
	}
}

static void take_turns(struct worker *worker)
{
	unsigned int nr = worker->plan->nr_threads;

	while (!worker->plan->board->stop) {
		uint64_t turn = now_ns() / TURN_NS + 1, begin;

		turn += (worker->thread + nr - turn % nr) % nr;
		begin = turn * TURN_NS;
		sleep_until(begin);
		touch_mappings(worker, begin + TOUCH_NS);
		read_clock(worker, begin + TURN_NS - MARGIN_NS);
	}
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
