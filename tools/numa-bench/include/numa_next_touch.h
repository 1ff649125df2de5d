/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Next touch for programs that use libnuma: see numa_next_touch(3). Nothing but
 * this file is needed; libnuma's mbind() is called, so link with -lnuma.
 */
#ifndef NUMA_NEXT_TOUCH_H
#define NUMA_NEXT_TOUCH_H

#include <errno.h>
#include <numaif.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#ifndef MPOL_MF_LAZY
#define MPOL_MF_LAZY	8	/* as in linux/mempolicy.h */
#endif

/**
 * numa_next_touch_available() - does the kernel know next touch?
 *
 * mbind(2) looks at its flags before it looks at the range: an empty one shows
 * whether it takes the flag, and nothing is changed. errno stays as it was.
 *
 * Return: 1 if it does, 0 if it does not, or if that is not allowed here.
 */
static inline int numa_next_touch_available(void)
{
	int saved = errno, known;

	known = !mbind(NULL, 0, MPOL_DEFAULT, NULL, 0, MPOL_MF_MOVE | MPOL_MF_LAZY);
	errno = saved;
	return known;
}

/**
 * numa_next_touch() - have pages move to the node of their next toucher, once
 * @addr: first byte; all of its page takes part
 * @len: length in bytes; all of the last page takes part
 *
 * The memory gets the policy "local", as with numa_setlocal_memory(). Nothing is
 * moved by the call, and what is never touched stays where it is.
 *
 * Return: 0, or -1 with errno as of mbind(2): EOPNOTSUPP if the kernel does not
 * know next touch, EFAULT if a part of the range is not mapped.
 */
static inline int numa_next_touch(void *addr, size_t len)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t start = (uintptr_t)addr & ~(page - 1);

	if (!mbind((void *)start, len + ((uintptr_t)addr - start), MPOL_PREFERRED, NULL, 0,
		   MPOL_MF_MOVE | MPOL_MF_LAZY))
		return 0;
	if (errno == EINVAL && !numa_next_touch_available())
		errno = EOPNOTSUPP;
	return -1;
}

#endif /* NUMA_NEXT_TOUCH_H */
