// SPDX-License-Identifier: GPL-2.0
/*
 * Pages that the automatic mode has marked as samples and that have not been
 * touched since.
 */
#include <sys/wait.h>

#include "lib/test.h"
#include "lib/auto.h"

#define TRACING		"/sys/kernel/tracing/"
#define STEP_EVENT	TRACING "events/mof/mof_step/enable"
#define EXTENTS		4
#define PATIENCE	1000	/* polls of 10 milliseconds */

FIXTURE(sampled)
{
	struct machine m;
	struct area a;		/* accessed by two threads on two nodes */
	struct area idle;	/* accessed by no thread */
	struct sweeper t[2];
	long hinted;		/* number of samples in @idle */
	struct stats before;
	struct stats d;
};

/* With threads on both nodes, locality is unknown and samples are marked. */
static int wait_for_samples(struct sweeper *t, const struct area *idle, long *hinted)
{
	int looks;

	if (sweeper_start(&t[0]) || sweeper_start(&t[1]))
		return -EAGAIN;
	for (looks = 0; looks < PATIENCE; looks++) {
		*hinted = area_hinted(idle);
		if (*hinted)
			break;
		usleep(10000);
	}
	write_long(BALANCING, 0);
	sweeper_work(&t[0], 0.1);	/* a step may be in progress */
	sweeper_work(&t[1], 0);
	sweeper_stop(&t[0]);
	sweeper_stop(&t[1]);
	*hinted = area_hinted(idle);
	return *hinted ? 0 : -ETIMEDOUT;
}

FIXTURE_SETUP(sampled)
{
	SKIP_SETUP(return, &self->m, automatic_setup(&self->m));
	ASSERT_EQ(0, run_on(self->m.from));
	ASSERT_EQ(0, area_new_extents(&self->a, 2, self->m.from));
	ASSERT_EQ(0, area_new_extents(&self->idle, EXTENTS, self->m.from));
	self->t[0] = (struct sweeper) { .a = &self->a, .node = self->m.from };
	self->t[1] = (struct sweeper) { .a = &self->a, .node = self->m.to, .slot = 1 };
	ASSERT_EQ(0, write_long(BALANCING, 4));
	ASSERT_EQ(0, wait_for_samples(self->t, &self->idle, &self->hinted));
	ASSERT_EQ(0, stats_read(&self->before));
}

FIXTURE_TEARDOWN_PARENT(sampled)
{
	if (!access(STEP_EVENT, W_OK))
		write_long(STEP_EVENT, 0);
	machine_restore(&self->m);
}

/*
 * Everything else of this process, such as stacks, has been sampled as well and
 * may be armed: touch it now, before faults are counted.
 */
static int touch_others(const struct area *idle)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[512], mode;
	char *begin, *end;

	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%p-%p %c", &begin, &end, &mode) != 3)
			continue;
		if (mode != 'r' || strstr(line, "[v"))
			continue;
		for (; begin < end; begin += page_size())
			if (begin < idle->base || begin >= idle->base + area_bytes(idle))
				page_read(&(struct area) { .base = begin, .pages = 1 }, 0);
	}
	fclose(f);
	return 0;
}

/* Touches of samples migrate nothing and do not count as touches of marks. */
static void touch_all(struct __test_metadata *_metadata, const struct machine *m,
		      const struct area *idle)
{
	struct stats now, d;

	EXPECT_EQ(0, touch_others(idle));
	EXPECT_EQ(0, run_on(m->to));
	ASSERT_EQ(0, stats_read(&now));
	area_write(idle);
	EXPECT_EQ(0, area_bad(idle));
	EXPECT_EQ(0, area_hinted(idle));
	EXPECT_EQ(idle->pages, area_on(idle, m->from));
	ASSERT_EQ(0, stats_since(&now, &d));
	EXPECT_EQ(0, d.v[MOF_FAULTS]);
	EXPECT_EQ(0, d.v[MOF_RESOLVED]);
}

TEST_F(sampled, pages_are_mapped_again_at_their_touch_and_stay)
{
	touch_all(_metadata, &self->m, &self->idle);
}

TEST_F(sampled, mremap_takes_samples_along)
{
	struct area there;

	ASSERT_EQ(0, area_map(&there, self->idle.pages));
	ASSERT_EQ(there.base, mremap(self->idle.base, area_bytes(&self->idle),
				     area_bytes(&self->idle),
				     MREMAP_MAYMOVE | MREMAP_FIXED, there.base));
	self->idle.base = there.base;
	EXPECT_EQ(self->hinted, area_hinted(&self->idle));
	touch_all(_metadata, &self->m, &self->idle);
}

TEST_F(sampled, munmap_of_a_part_leaves_the_samples_of_the_rest)
{
	struct area last = area_part(&self->idle, self->idle.pages / 2,
				     self->idle.pages / 2);
	long hinted;

	/* This splits the VMA: numa_maps counts hinting entries per VMA. */
	ASSERT_EQ(0, mprotect(last.base, area_bytes(&last),
			      PROT_READ | PROT_WRITE | PROT_EXEC));
	self->idle.pages /= 2;
	hinted = area_hinted(&self->idle);
	ASSERT_EQ(0, munmap(last.base, area_bytes(&last)));
	EXPECT_EQ(hinted, area_hinted(&self->idle));
	touch_all(_metadata, &self->m, &self->idle);
}

/* The child's touch consumes the sample; no page migrates. */
TEST_F(sampled, fork_keeps_samples_and_contents_of_both)
{
	struct area *idle = &self->idle;
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		if (area_hinted(idle) != self->hinted)
			_exit(1);
		run_on(self->m.to);
		if (area_bad(idle))
			_exit(2);
		_exit(area_hinted(idle) ? 3 : 0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(self->hinted, area_hinted(idle));
	EXPECT_EQ(0, area_bad(idle));
	touch_all(_metadata, &self->m, &self->idle);
}

/* Number of trace lines that report a step and its duration. */
static long steps_traced(void)
{
	FILE *f = fopen(TRACING "trace", "r");
	long steps = 0, ns;
	char line[512], *step;

	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		step = strstr(line, "mof_step: ");
		step = step ? strstr(step, " ns=") : NULL;
		if (step && sscanf(step, " ns=%ld", &ns) == 1 && ns > 0)
			steps++;
	}
	fclose(f);
	return steps;
}

TEST_F(sampled, steps_tell_how_long_they_take_if_asked_to)
{
	struct sweeper t = { .a = &self->a, .node = self->m.from };
	long before;

	if (access(STEP_EVENT, W_OK))
		SKIP(return, "kernel without tracepoints, or no tracefs");
	before = steps_traced();
	ASSERT_LE(0, before);
	EXPECT_EQ(0, write_long(BALANCING, 4));
	EXPECT_EQ(0, sweeper_start(&t));
	sweeper_work(&t, 2);
	EXPECT_EQ(before, steps_traced());
	EXPECT_EQ(0, write_long(STEP_EVENT, 1));
	sweeper_work(&t, 2);
	sweeper_stop(&t);
	EXPECT_LT(before, steps_traced());
}

/* Afterwards all pages are marked, including former samples. */
TEST_F(sampled, call_takes_samples_over)
{
	EXPECT_EQ(0, touch_others(&self->idle));
	ASSERT_EQ(0, stats_read(&self->before));
	ASSERT_EQ(0, mark(&self->idle, MPOL_LOCAL, 0));
	EXPECT_EQ(self->idle.pages, area_hinted(&self->idle));
	ASSERT_EQ(0, run_on(self->m.to));
	area_write(&self->idle);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(self->idle.pages, self->d.v[MOF_MARKED]);
	EXPECT_EQ(self->idle.pages, self->d.v[MOF_MIGRATED]);
	EXPECT_EQ(self->idle.pages, area_on(&self->idle, self->m.to));
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, area_bad(&self->idle));
}

#include "lib/main.h"
