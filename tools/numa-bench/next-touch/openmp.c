// SPDX-License-Identifier: GPL-2.0
/*
 * Next touch with OpenMP: one thread initialises, all of them compute.
 *
 * gcc -O2 -fopenmp -D_GNU_SOURCE -I. openmp.c -lnuma
 * OMP_PLACES=threads ./a.out [MEGABYTES]
 *
 * Pages initialised by one thread are on its node, and remote to threads on other
 * nodes. After one call, each page migrates to the thread that computes on it.
 * Prints how many pages are local to their thread. Status 77: not supported here.
 */
#include <numa.h>
#include <omp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "numa_next_touch.h"

#define SKIP	77

static long page_doubles;

static long misplaced(double *page, int node)
{
	void *addr = page;
	int on = -1;

	numa_move_pages(0, 1, &addr, NULL, &on, 0);
	return on != node;
}

static double sum_of(const double *page)
{
	double sum = 0;

	for (long i = 0; i < page_doubles; i++)
		sum += page[i];
	return sum;
}

/* Each thread sums up its share; the schedule is the same each time. */
static double compute(double *a, long pages, const char *when)
{
	long remote = 0;
	double sum = 0;

#pragma omp parallel for schedule(static) reduction(+:sum, remote) proc_bind(spread)
	for (long i = 0; i < pages; i++) {
		sum += sum_of(a + i * page_doubles);
		remote += misplaced(a + i * page_doubles, numa_node_of_cpu(sched_getcpu()));
	}
	printf("%s: %ld of %ld pages are local to their thread (%.0f%%)\n", when,
	       pages - remote, pages, 100.0 * (pages - remote) / pages);
	return sum;
}

int main(int argc, char **argv)
{
	long bytes = (argc > 1 ? atol(argv[1]) : 16) << 20;
	double before, after, *a;
	long pages;

	if (numa_available() < 0 || numa_num_task_nodes() < 2 || !numa_next_touch_available()) {
		fprintf(stderr, "needs two nodes, and a kernel with MPOL_MF_LAZY\n");
		return SKIP;
	}
	page_doubles = numa_pagesize() / sizeof(*a);
	pages = bytes / numa_pagesize();
	a = bytes > 0 ? aligned_alloc(numa_pagesize(), bytes) : NULL;
	if (!a) {
		fprintf(stderr, "openmp [MEGABYTES]: no memory for that\n");
		return 1;
	}
	for (long i = 0; i < pages * page_doubles; i++)
		a[i] = i % 7;

	before = compute(a, pages, "before");
	if (numa_next_touch(a, bytes)) {
		perror("numa_next_touch");
		return 1;
	}
	after = compute(a, pages, "after");
	printf("%d threads, sum %.0f\n", omp_get_max_threads(), after);
	free(a);
	return before != after;
}
