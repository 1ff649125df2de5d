// SPDX-License-Identifier: GPL-2.0
/*
 * Races: a process exits, or calls exec, while one of its threads is held in
 * its touch of a marked page.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/point.h"
#include "lib/test.h"

#define PAGES_BEFORE	128	/* pages touched before: a run that earns a window of 4 */
#define VICTIM_PAGES	(PAGES_BEFORE + AREA_PAGES)
#define LEFT_BEHIND	16	/* pages: less than a leak */
#define PATIENCE	10000	/* polls of a millisecond */
#define REAPED_AFTER	2500	/* milliseconds: the OOM reaper waits two seconds */
#define OOM_BYTES	(64L << 20)

enum command {
	DO_EXEC = 'e',
	DO_EXIT = 'x',
	DO_EAT = 'o',
};

/**
 * struct victim - a process of two threads
 * @m:		it touches memory on @m->from from @m->to
 * @shared:	the memory is a shared mapping
 * @pid:	the process
 * @go:		pipe: starts the touch
 * @command:	pipe: what its other thread is to do during the touch
 * @ready:	pipe: the thread that faults is ready
 * @a:		its memory
 * @cg:		its memory cgroup
 * @anon:	anonymous memory of @cg before
 * @before:	counters before
 */
struct victim {
	const struct machine *m;
	bool shared;
	pid_t pid;
	int go[2];
	int command[2];
	int ready[2];
	struct area a;
	struct cgroup cg;
	long anon;
	struct stats before;
};

FIXTURE(victim)
{
	struct machine m;
	struct victim v;
};

FIXTURE_VARIANT(victim)
{
	const char *point;
	bool shared;
	bool needs_points;	/* without points, the same as another variant */
};

FIXTURE_VARIANT_ADD(victim, allocated) {
	.point = "allocated", .needs_points = true,
};

FIXTURE_VARIANT_ADD(victim, unmapped) {
	.point = "unmapped",
};

FIXTURE_VARIANT_ADD(victim, copied) {
	.point = "copied", .needs_points = true,
};

FIXTURE_VARIANT_ADD(victim, mapped) {
	.point = "mapped", .needs_points = true,
};

FIXTURE_VARIANT_ADD(victim, isolated) {
	.point = "isolated", .shared = true,
};

static void *touch(void *arg)
{
	struct victim *v = arg;
	char byte = 0;
	long i;

	run_on(v->m->to);
	/* Backwards, so that each fault resolves one page only. */
	for (i = PAGES_BEFORE - 1; i >= 0; i--)
		page_read(&v->a, i);
	if (write(v->ready[1], &byte, 1) != 1 || read(v->go[0], &byte, 1) != 1)
		_exit(10);
	page_write(&v->a, PAGES_BEFORE);
	pause();
	return NULL;
}

/* Allocate until the OOM killer acts. */
static void eat(void)
{
	struct area food;

	if (!area_map(&food, OOM_BYTES / page_size()))
		area_write(&food);
}

static int victim_area(struct victim *v)
{
	if (!v->shared)
		return area_new(&v->a, VICTIM_PAGES, v->m->from);
	return area_new_shared(&v->a, VICTIM_PAGES, v->m->from);
}

static void victim_main(struct victim *v)
{
	pthread_t thread;
	char command = 0;

	if (victim_area(v) || mark(&v->a, MPOL_LOCAL, 0) ||
	    pthread_create(&thread, NULL, touch, v) ||
	    read(v->command[0], &command, 1) != 1)
		_exit(11);
	if (command == DO_EXEC)
		execl("/bin/true", "true", NULL);
	if (command == DO_EAT)
		eat();
	_exit(command == DO_EXIT ? 0 : 12);
}

/* @v is shared with the child; only the parent writes @pid. */
static int victim_start(struct victim *v)
{
	char byte;
	pid_t pid;

	if (pipe(v->go) || pipe(v->command) || pipe(v->ready))
		return -errno;
	pid = fork();
	if (!pid)
		victim_main(v);
	v->pid = pid;
	return v->pid > 0 && read(v->ready[0], &byte, 1) == 1 ? 0 : -ECHILD;
}

/* Start the touch; true once it is held, or at once without points. */
static bool victim_touches(struct victim *v, const char *point)
{
	char byte = 0;

	if (have_points() && point_hold(point, v->pid, 1))
		return false;
	if (write(v->go[1], &byte, 1) != 1)
		return false;
	return !have_points() || point_reached(point);
}

static int victim_do(struct victim *v, enum command command)
{
	char byte = command;

	return write(v->command[1], &byte, 1) == 1 ? 0 : -errno;
}

/* Wait until the other thread waits for the held one, or has exited. */
static void victim_waits(struct victim *v)
{
	int looks;

	if (!have_points())
		return;
	usleep(20000);		/* it also sleeps while it waits for the command */
	for (looks = 0; looks < 200; looks++) {
		if (thread_sleeps(v->pid, v->pid))
			return;
		usleep(1000);
	}
}

FIXTURE_SETUP(victim)
{
	const char *why = machine_setup_lazy(&self->m);

	if (!why && variant->needs_points && !have_points())
		why = NO_POINTS;
	if (!why)
		why = cgroup_enter(&self->v.cg, "+memory");
	SKIP_SETUP(return, &self->m, why);
	EXPECT_EQ(0, run_on(self->m.from));
	self->v.m = &self->m;
	self->v.shared = variant->shared;
	self->v.anon = cgroup_stat(&self->v.cg, "anon");
	EXPECT_EQ(0, stats_read(&self->v.before));
}

FIXTURE_TEARDOWN_PARENT(victim)
{
	if (have_points())
		point_release(variant->point);
	cgroup_leave(&self->v.cg);
	machine_restore(&self->m);
}

/* Pages that the group has in excess; freeing may take a moment. */
static long left_behind(const struct cgroup *cg, long before)
{
	long more = 0;
	int looks;

	for (looks = 0; looks < 100; looks++) {
		more = (cgroup_stat(cg, "anon") - before) / page_size();
		if (more < LEFT_BEHIND)
			break;
		usleep(50000);
	}
	return more;
}

/* Once released, it ends with status @want and leaves no memory behind. */
static void victim_ends(struct __test_metadata *_metadata,
			const struct victim *v, const char *point, int want)
{
	struct stats d;
	int status;

	if (have_points())
		EXPECT_EQ(0, point_release(point));
	ASSERT_EQ(v->pid, waitpid(v->pid, &status, 0));
	EXPECT_EQ(want, status);
	EXPECT_GT(LEFT_BEHIND, left_behind(&v->cg, v->anon));
	ASSERT_EQ(0, stats_since(&v->before, &d));
	EXPECT_EQ(0, stats_unreconciled(&d));
	EXPECT_LE(PAGES_BEFORE, d.v[MOF_MIGRATED]);
}

TEST_F(victim, exec_during_a_touch_succeeds)
{
	ASSERT_EQ(0, victim_start(&self->v));
	EXPECT_TRUE(victim_touches(&self->v, variant->point));
	EXPECT_EQ(0, victim_do(&self->v, DO_EXEC));
	victim_waits(&self->v);
	victim_ends(_metadata, &self->v, variant->point, 0);
}

TEST_F(victim, exit_during_a_touch_leaves_nothing)
{
	ASSERT_EQ(0, victim_start(&self->v));
	EXPECT_TRUE(victim_touches(&self->v, variant->point));
	EXPECT_EQ(0, victim_do(&self->v, DO_EXIT));
	victim_waits(&self->v);
	victim_ends(_metadata, &self->v, variant->point, 0);
}

/*
 * The OOM reaper's system call frees its memory during the touch, with
 * migration entries in place.
 */
TEST_F(victim, memory_reaped_during_a_touch_is_gone)
{
	struct stats d;
	int fd, err;

	ASSERT_EQ(0, victim_start(&self->v));
	EXPECT_TRUE(victim_touches(&self->v, variant->point));
	fd = syscall(SYS_pidfd_open, self->v.pid, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, kill(self->v.pid, SIGKILL));
	err = syscall(SYS_process_mrelease, fd, 0) ? errno : 0;
	close(fd);
	/* If it is not held, it may have exited already. */
	EXPECT_EQ(err && !have_points() ? ESRCH : 0, err);
	victim_ends(_metadata, &self->v, variant->point, SIGKILL);
	if (!have_points() || strcmp(variant->point, "unmapped"))
		return;
	ASSERT_EQ(0, stats_since(&self->v.before, &d));
	EXPECT_LT(0, d.v[MOF_FAILED_RACED]);
}

static long oom_kills(const struct cgroup *cg)
{
	char path[160], line[64];
	long kills = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/memory.events", cg->dir);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "oom_kill %ld", &kills);
	if (f)
		fclose(f);
	return kills;
}

static bool oom_comes(const struct cgroup *cg)
{
	int looks;

	for (looks = 0; looks < PATIENCE; looks++) {
		if (oom_kills(cg))
			return true;
		usleep(1000);
	}
	return false;
}

/*
 * The group reaches its limit, and the OOM killer selects the process, which is
 * the largest. While a thread is held, its memory is reaped two seconds later.
 */
TEST_F(victim, oom_kill_during_a_touch_leaves_nothing)
{
	ASSERT_EQ(0, victim_start(&self->v));
	EXPECT_TRUE(victim_touches(&self->v, variant->point));
	/* Protect the test itself. */
	ASSERT_EQ(0, write_text("/proc/self/oom_score_adj", "-1000"));
	ASSERT_EQ(0, cgroup_write(&self->v.cg, "memory.max", "16M"));
	EXPECT_EQ(0, victim_do(&self->v, DO_EAT));
	EXPECT_TRUE(oom_comes(&self->v.cg));
	if (have_points())
		usleep(REAPED_AFTER * 1000);
	victim_ends(_metadata, &self->v, variant->point, SIGKILL);
}

#include "lib/main.h"
