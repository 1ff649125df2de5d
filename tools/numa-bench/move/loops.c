// SPDX-License-Identifier: GPL-2.0
/*
 * The measured loops: one word per page, in sequence or in a given order, by one
 * thread or by several.
 *
 * Several threads each have a part of the area and are pinned to CPUs of the
 * target in turn. Barriers at both ends keep thread creation and exit out of the
 * measured time.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "numa-bench.h"

const char *const touch_kind_names[NR_TOUCH_KINDS] = {
	"seq", "random", "strided",
};

static void touch_seq(char *base, size_t nr, size_t step)
{
	for (char *end = base + nr * step; base < end; base += step) {
		(*(uint64_t *)base)++;
		barrier();
	}
}

static void touch_order(char *base, const uint32_t *order, size_t nr,
			size_t step)
{
	for (size_t i = 0; i < nr; i++) {
		(*(uint64_t *)(base + order[i] * step))++;
		barrier();
	}
}

void touch_run(const struct touch_plan *plan, const struct area *area,
	       unsigned int part)
{
	size_t first = plan->begin[part], step = area->page_bytes;
	size_t nr = plan->begin[part + 1] - first;

	if (plan->order)
		touch_order(area->base, plan->order + first, nr, step);
	else
		touch_seq(area->base + first * step, nr, step);
}

/* Chooses units at random, each with all of its base pages. */
static int choose_units(struct touch_plan *plan, const struct area *area,
			double fraction, uint64_t seed)
{
	size_t per_unit = area->unit_bytes / area->page_bytes;
	size_t units = area->nr_pages / per_unit;
	size_t chosen = (size_t)((double)units * fraction + 0.5);
	uint32_t *unit = malloc(units * sizeof(*unit));

	if (!unit)
		return -1;
	for (size_t i = 0; i < units; i++)
		unit[i] = (uint32_t)i;
	if (chosen < units)
		shuffle(unit, units, seed);
	chosen = chosen ? chosen : 1;
	for (size_t i = 0; i < chosen; i++)
		memset(plan->touched + unit[i] * per_unit, true, per_unit);
	plan->nr_pages = chosen * per_unit;
	free(unit);
	return 0;
}

/* Writes the order, so that the measured loop takes no fault on it. */
static int make_order(struct touch_plan *plan, const struct area *area)
{
	size_t nr = 0;

	plan->order = malloc(plan->nr_pages * sizeof(*plan->order));
	if (!plan->order)
		return -1;
	for (size_t i = 0; i < area->nr_pages; i++)
		if (plan->touched[i])
			plan->order[nr++] = (uint32_t)i;
	return 0;
}

/* Finds where the pages of each part begin in the order. */
static int divide(struct touch_plan *plan, const struct area *area)
{
	size_t page = 0, nr = 0;

	plan->begin = calloc(plan->nr_parts + 1, sizeof(*plan->begin));
	if (!plan->begin)
		return -1;
	for (unsigned int part = 0; part <= plan->nr_parts; part++) {
		size_t end = area_part_begin(area, part, plan->nr_parts);

		while (page < end)
			nr += plan->touched[page++];
		plan->begin[part] = nr;
	}
	return 0;
}

/* Every stride-th page first, then the successor of each of these, and so on */
static int stride_part(uint32_t *order, size_t nr, size_t stride)
{
	uint32_t *copy = malloc((nr + 1) * sizeof(*copy));
	size_t done = 0;

	if (!copy)
		return -1;
	memcpy(copy, order, nr * sizeof(*copy));
	for (size_t first = 0; first < stride && first < nr; first++)
		for (size_t i = first; i < nr; i += stride)
			order[done++] = copy[i];
	free(copy);
	return 0;
}

int touch_plan_make(struct touch_plan *plan, const struct area *area,
		    const struct pattern *pattern, unsigned int parts,
		    uint64_t seed)
{
	memset(plan, 0, sizeof(*plan));
	plan->nr_parts = parts;
	plan->touched = calloc(area->nr_pages, sizeof(*plan->touched));
	if (!plan->touched || choose_units(plan, area, pattern->fraction, seed) ||
	    divide(plan, area))
		goto fail;
	if (pattern->kind == TOUCH_SEQ && plan->nr_pages == area->nr_pages)
		return 0;
	if (make_order(plan, area))
		goto fail;
	for (unsigned int part = 0; part < parts; part++) {
		uint32_t *order = plan->order + plan->begin[part];
		size_t nr = plan->begin[part + 1] - plan->begin[part];

		if (pattern->kind == TOUCH_RANDOM)
			shuffle(order, nr, mix64(seed + part));
		if (pattern->kind == TOUCH_STRIDED &&
		    stride_part(order, nr, pattern->stride))
			goto fail;
	}
	return 0;
fail:
	touch_plan_free(plan);
	return -1;
}

void touch_plan_free(struct touch_plan *plan)
{
	free(plan->order);
	free(plan->touched);
	free(plan->begin);
	memset(plan, 0, sizeof(*plan));
}

struct team {
	const struct touch_plan *plan;
	const struct area *area;
	pthread_mutex_t gate;	/* held until all threads exist */
	bool give_up;		/* protected by @gate */
	pthread_barrier_t begin;
	pthread_barrier_t end;
};

struct member {
	struct team *team;
	pthread_t thread;
	unsigned int part;
	uint64_t begin_ns;
	uint64_t end_ns;
	uint64_t cpu_ns;
	uint64_t minor_faults;
	uint64_t major_faults;
};

static void measure(struct member *member)
{
	struct rusage before, after;
	uint64_t cpu;

	getrusage(RUSAGE_THREAD, &before);
	cpu = thread_cpu_ns();
	member->begin_ns = now_ns();
	touch_run(member->team->plan, member->team->area, member->part);
	member->end_ns = now_ns();
	member->cpu_ns = thread_cpu_ns() - cpu;
	getrusage(RUSAGE_THREAD, &after);
	member->minor_faults = (uint64_t)(after.ru_minflt - before.ru_minflt);
	member->major_faults = (uint64_t)(after.ru_majflt - before.ru_majflt);
}

static void *run_member(void *arg)
{
	struct member *member = arg;
	struct team *team = member->team;
	bool give_up;

	pthread_mutex_lock(&team->gate);
	give_up = team->give_up;
	pthread_mutex_unlock(&team->gate);
	if (give_up)
		return NULL;
	now_ns();	/* the first call takes faults */
	pthread_barrier_wait(&team->begin);
	measure(member);
	pthread_barrier_wait(&team->end);
	return NULL;
}

static int start_pinned(struct member *member, int cpu)
{
	size_t bytes = CPU_ALLOC_SIZE(cpu + 1);
	cpu_set_t *set = CPU_ALLOC(cpu + 1);
	pthread_attr_t attr;
	int ret;

	if (!set)
		return -1;
	CPU_ZERO_S(bytes, set);
	CPU_SET_S(cpu, bytes, set);
	pthread_attr_init(&attr);
	ret = pthread_attr_setaffinity_np(&attr, bytes, set);
	if (!ret)
		ret = pthread_create(&member->thread, &attr, run_member, member);
	pthread_attr_destroy(&attr);
	CPU_FREE(set);
	errno = ret;
	return ret ? -1 : 0;
}

static void sum_up(const struct member *members, unsigned int nr,
		   struct touch_time *time)
{
	uint64_t begin = UINT64_MAX, end = 0;

	for (unsigned int i = 0; i < nr; i++) {
		const struct member *member = &members[i];

		begin = member->begin_ns < begin ? member->begin_ns : begin;
		end = member->end_ns > end ? member->end_ns : end;
		time->cpu_ns += member->cpu_ns;
		time->minor_faults += member->minor_faults;
		time->major_faults += member->major_faults;
	}
	time->wall_ns = end - begin;
}

static int run_team(struct team *team, struct member *members,
		    const int *cpus, unsigned int nr)
{
	unsigned int started = 0;
	int err;

	pthread_mutex_lock(&team->gate);
	for (; started < nr; started++) {
		members[started].team = team;
		members[started].part = started;
		if (start_pinned(&members[started], cpus[started]))
			break;
	}
	err = errno;
	team->give_up = started < nr;
	pthread_mutex_unlock(&team->gate);
	if (!team->give_up) {
		pthread_barrier_wait(&team->begin);
		pthread_barrier_wait(&team->end);
	}
	for (unsigned int i = 0; i < started; i++)
		pthread_join(members[i].thread, NULL);
	errno = err;
	return team->give_up ? -1 : 0;
}

/* Touches each part of the plan by a thread on the CPU of that part. */
int team_touch(const struct touch_plan *plan, const struct area *area,
	       const int *cpus, struct touch_time *time)
{
	struct member *members = calloc(plan->nr_parts, sizeof(*members));
	struct team team = { .plan = plan, .area = area };
	int ret;

	if (!members)
		return -1;
	pthread_mutex_init(&team.gate, NULL);
	pthread_barrier_init(&team.begin, NULL, plan->nr_parts + 1);
	pthread_barrier_init(&team.end, NULL, plan->nr_parts + 1);
	ret = run_team(&team, members, cpus, plan->nr_parts);
	if (!ret)
		sum_up(members, plan->nr_parts, time);
	pthread_barrier_destroy(&team.end);
	pthread_barrier_destroy(&team.begin);
	pthread_mutex_destroy(&team.gate);
	free(members);
	return ret;
}
