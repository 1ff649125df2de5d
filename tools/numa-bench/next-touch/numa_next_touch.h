/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Next touch for programs that use libnuma, see numa_next_touch(3). Header only;
 * link with -lnuma for mbind().
 */
#ifndef NUMA_NEXT_TOUCH_H
#define NUMA_NEXT_TOUCH_H

#include <errno.h>
#include <numaif.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MPOL_MF_LAZY
#define MPOL_MF_LAZY	8	/* as in linux/mempolicy.h */
#endif

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22	/* as in linux/mman.h, since Linux 5.14 */
#endif

/**
 * numa_next_touch_available() - does the kernel support next touch?
 *
 * mbind(2) checks its flags before the range, so a call with an empty range tests
 * the flag and changes nothing. errno is preserved.
 *
 * Return: 1, or 0 if it does not or a seccomp filter refuses mbind(2).
 */
static inline int numa_next_touch_available(void)
{
	int saved = errno, known;

	known = !mbind(NULL, 0, MPOL_DEFAULT, NULL, 0, MPOL_MF_MOVE | MPOL_MF_LAZY);
	errno = saved;
	return known;
}

/**
 * numa_next_touch() - migrate each page once, to the node that touches it next
 * @addr: start of the range, rounded down to a page
 * @len: length in bytes; the last page is marked whole
 *
 * The call migrates nothing, and removes a policy of the range.
 *
 * Return: 0, or -1 with errno set as by mbind(2); EOPNOTSUPP if the kernel does not
 * support next touch, EFAULT if nothing is mapped in the range.
 */
static inline int numa_next_touch(void *addr, size_t len)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t start = (uintptr_t)addr & ~(page - 1);

	if (!mbind((void *)start, len + ((uintptr_t)addr - start), MPOL_DEFAULT, NULL, 0,
		   MPOL_MF_MOVE | MPOL_MF_LAZY))
		return 0;
	if (errno == EINVAL && !numa_next_touch_available())
		errno = EOPNOTSUPP;
	return -1;
}

#ifdef MADV_NORMAL	/* <sys/mman.h> declares madvise(): not with -std=c11 alone */
/**
 * numa_next_touch_populate() - map pages of files, then call numa_next_touch()
 * @addr: start of the range, rounded down to a page
 * @len: length in bytes; the last page is marked whole
 *
 * Only mapped pages can be marked, so pages of a file that are merely in the page
 * cache would stay. Pages that are not cached are read from storage.
 *
 * Return: 0, or -1 with errno set as by numa_next_touch() or madvise(2). After an
 * error, no page is marked.
 */
static inline int numa_next_touch_populate(void *addr, size_t len)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t start = (uintptr_t)addr & ~(page - 1);

	if (!numa_next_touch_available()) {
		errno = EOPNOTSUPP;
		return -1;
	}
	if (madvise((void *)start, len + ((uintptr_t)addr - start), MADV_POPULATE_READ))
		return -1;
	return numa_next_touch(addr, len);
}
#endif

#endif /* NUMA_NEXT_TOUCH_H */
