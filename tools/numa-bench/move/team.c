// SPDX-License-Identifier: GPL-2.0
/*
 * A touch by several threads, each with its part of the area, pinned to CPUs
 * of the target in turn. Threads start from a barrier and wait for each other
 * at the end, so that the creation and the exit of none falls into the time of
 * another.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "numa-bench.h"

struct team {
	const struct touch_plan *plan;
	const struct area *area;
	pthread_mutex_t gate;	/* held until all threads are there */
	bool give_up;		/* written under the gate */
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
	now_ns();	/* its first call takes faults */
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

/* Returns how many could be started; errno says why not all. */
static unsigned int start_all(struct team *team, struct member *members,
			      const int *cpus, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		members[i].team = team;
		members[i].part = i;
		if (start_pinned(&members[i], cpus[i]))
			return i;
	}
	return nr;
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
	unsigned int started;
	int err;

	pthread_mutex_lock(&team->gate);
	started = start_all(team, members, cpus, nr);
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

/* One thread for each part of the plan, on its CPU */
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
