// SPDX-License-Identifier: GPL-2.0
/*
 * Fault injection.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fault.h"

#define FUNCTIONS	"/sys/kernel/debug/fail_function/"
#define SLAB		"/sys/kernel/debug/failslab/"
#define PAGES		"/sys/kernel/debug/fail_page_alloc/"
#define FAIL_NTH	"/proc/thread-self/fail-nth"

/* Per thread, and kept open, as open(2) would allocate. */
static __thread int nth_fd = -1;

/**
 * function_fails_start() - prepare a kernel function to fail
 * @function: its name
 * @retval: value that it returns then, in the format of the retval file
 *
 * Return: NULL, or why that is not possible.
 */
const char *function_fails_start(const char *function, const char *retval)
{
	char path[96];

	if (access(FUNCTIONS "inject", W_OK))
		return "kernel without error injection, or no debugfs";
	if (write_text(FUNCTIONS "inject", function))
		return "kernel without this function, or without error injection for it";
	snprintf(path, sizeof(path), FUNCTIONS "%s/retval", function);
	if (write_text(path, retval) || write_text(FUNCTIONS "verbose", "0") ||
	    write_text(FUNCTIONS "interval", "1") ||
	    write_text(FUNCTIONS "space", "0") ||
	    write_text(FUNCTIONS "task-filter", "N"))
		return "cannot set up error injection";
	return NULL;
}

/* Make the next @times calls fail; -1: all. */
int function_fails(long times)
{
	return write_long(FUNCTIONS "times", times) ||
	       write_text(FUNCTIONS "probability", "100");
}

/* Number of calls that are still to fail. */
long function_fails_left(void)
{
	return read_long(FUNCTIONS "times");
}

void function_fails_stop(const char *function)
{
	char text[64];

	write_text(FUNCTIONS "probability", "0");
	snprintf(text, sizeof(text), "!%s", function);
	write_text(FUNCTIONS "inject", text);
}

/**
 * allocations_fail_start() - prepare allocations of the calling thread to fail
 *
 * Allocations of all sizes can fail, including those that may sleep.
 *
 * Return: NULL, or why that is not possible.
 */
const char *allocations_fail_start(void)
{
	nth_fd = open(FAIL_NTH, O_RDWR);
	if (nth_fd < 0)
		return "kernel without fault injection";
	if (write_text(SLAB "ignore-gfp-wait", "N") || write_text(SLAB "verbose", "0") ||
	    write_text(PAGES "ignore-gfp-wait", "N") ||
	    write_text(PAGES "ignore-gfp-highmem", "N") ||
	    write_text(PAGES "min-order", "0") || write_text(PAGES "verbose", "0"))
		return "kernel without failslab or fail_page_alloc, or no debugfs";
	return NULL;
}

/* Make the @nth allocation from now on fail; 0: none. */
int allocation_fails(long nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%ld", nth);

	return pwrite(nth_fd, text, len, 0) == len ? 0 : -1;
}

/* Returns whether it has failed, and disables failures. */
bool allocation_has_failed(void)
{
	char text[16] = "";
	bool failed;

	failed = pread(nth_fd, text, sizeof(text) - 1, 0) > 0 &&
		 strtol(text, NULL, 10) == 0;
	allocation_fails(0);
	return failed;
}

/* Restore the defaults of the kernel. */
void allocations_fail_stop(void)
{
	write_text(SLAB "ignore-gfp-wait", "Y");
	write_text(PAGES "ignore-gfp-wait", "Y");
	write_text(PAGES "ignore-gfp-highmem", "Y");
	write_text(PAGES "min-order", "1");
}

/*
 * Map AREA_PAGES base pages. @run pages in front of them, in the same VMA, are
 * on m->to: this earns the first touch from there a window of @run / 32 pages.
 */
int fault_area(struct area *a, const struct machine *m, long run, int flags, int fd)
{
	struct area all, before;
	int err = area_map_file(&all, run + AREA_PAGES, PROT_READ | PROT_WRITE, flags,
				fd);

	if (err)
		return err;
	madvise(all.base, area_bytes(&all), MADV_NOHUGEPAGE);
	area_fill(&all);
	drain_lru();
	*a = area_part(&all, run, AREA_PAGES);
	before = area_part(&all, 0, run);
	return area_move(&before, m->to) == run ? 0 : -ENOMEM;
}

/*
 * Place the area on m->from, mark it, and run on m->to. MPOL_DEFAULT does not
 * split the VMA.
 */
int fault_begin(const struct machine *m, const struct area *a)
{
	if (area_move(a, m->from) != a->pages)
		return -ENOMEM;
	drain_lru();
	return mark(a, MPOL_DEFAULT, 0) ? : run_on(m->to);
}
