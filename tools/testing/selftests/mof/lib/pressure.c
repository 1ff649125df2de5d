// SPDX-License-Identifier: GPL-2.0
/*
 * How long touches take, and nodes, groups and swap without room.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <numa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "pressure.h"

#define ROUNDS		3
#define HOST_US		50000.0		/* what a busy host may add */
#define PIECES		64L		/* huge pages to be broken up */

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Touch all pages in order; fills in longest and median if longest is shorter. */
static int time_touches(const struct area *a, struct pace *p)
{
	double *took = calloc(a->pages, sizeof(*took));
	double begin;
	long i;

	if (!took)
		return -ENOMEM;
	for (i = 0; i < a->pages; i++) {
		begin = now_us();
		page_write(a, i);
		took[i] = now_us() - begin;
	}
	qsort(took, a->pages, sizeof(*took), by_value);
	if (!p->longest || took[a->pages - 1] < p->longest) {
		p->longest = took[a->pages - 1];
		p->median = took[a->pages / 2];
	}
	free(took);
	return 0;
}

/* Where the node is full the policy lets it stay, or the kernel would complain. */
static int send(const struct area *a, int node, struct pace *p)
{
	double begin = now_us();
	long err = area_mbind(a, MPOL_PREFERRED, NODE_MASK(node), MPOL_MF_MOVE);

	begin = now_us() - begin;
	if (begin > p->eager)
		p->eager = begin;
	return err;
}

/* Move an area to and fro eagerly; it is on m->from before. */
int pace_eager(const struct area *a, const struct machine *m, struct pace *p)
{
	int err = 0, round;

	*p = (struct pace) { };
	for (round = 0; !err && round < ROUNDS; round++)
		err = send(a, m->to, p) ? : send(a, m->from, p);
	return err;
}

/**
 * pace_touches() - move an area to and fro on touch
 * @a: the area
 * @m: the machine
 * @p: what pace_eager() has filled in; gets the touches
 *
 * A busy host makes single touches long: of some rounds the best counts.
 *
 * Return: 0, or a negative errno.
 */
int pace_touches(const struct area *a, const struct machine *m, struct pace *p)
{
	int err = 0, round;

	for (round = 0; !err && round < ROUNDS; round++) {
		err = mark(a, MPOL_BIND, NODE_MASK(round % 2 ? m->from : m->to));
		err = err ? : time_touches(a, p);
	}
	return err;
}

/* No touch may take longer than to move all of the area at once. */
double pace_limit(const struct pace *p)
{
	return 2 * p->eager + HOST_US;
}

long free_pages(int node)
{
	long long bytes = 0;

	numa_node_size64(node, &bytes);
	return bytes / page_size();
}

long cgroup_event(const struct cgroup *cg, const char *key)
{
	return cgroup_line(cg, "memory.events", key);
}

int cgroup_limit(const struct cgroup *cg, const char *file, long bytes)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", bytes);
	return cgroup_write(cg, file, text);
}

/* Bring the group below a limit to come; a disk may need some time. */
int cgroup_shrink(const struct cgroup *cg, long bytes)
{
	char path[160], excess[32];
	long now;
	int i;

	snprintf(path, sizeof(path), "%s/memory.current", cg->dir);
	for (i = 0; i < 100; i++) {
		now = read_long(path);
		if (now <= bytes)
			return 0;
		snprintf(excess, sizeof(excess), "%ld", now - bytes);
		cgroup_write(cg, "memory.reclaim", excess);
		usleep(100000);
	}
	return -EBUSY;
}

bool has_swap(void)
{
	FILE *f = fopen("/proc/swaps", "r");
	char line[256];
	int lines = 0;

	while (f && fgets(line, sizeof(line), f))
		lines++;
	if (f)
		fclose(f);
	return lines > 1;
}

/* The swap that there is, such as a disk of the guest; else one of our own. */
const char *swap_any(struct swap *s)
{
	s->device[0] = '\0';
	return has_swap() ? NULL : swap_enable(s);
}

/* fill_node(), where that is possible. */
const char *fill_for_good(struct area *hog, int node)
{
	return has_swap() ? "with swap a node has room again" : fill_node(hog, node);
}

/**
 * fragment_node() - leave a node with free base pages and no free huge page
 * @hog: is what takes every other page; free it in the end
 * @node: the node; call give_huge_pages() for it in the end, also after failure
 *
 * Return: NULL, or why that is not possible.
 */
const char *fragment_node(struct area *hog, int node)
{
	const char *why;
	long i;

	if (area_new(hog, PIECES * thp_pages(), node))
		return "a node has too little memory to be fragmented";
	why = take_huge_pages(node);
	for (i = 0; !why && i < hog->pages; i += 2)
		madvise(hog->base + i * page_size(), page_size(), MADV_DONTNEED);
	return why;
}
