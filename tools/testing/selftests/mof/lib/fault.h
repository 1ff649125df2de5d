/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fault injection: functions that fail by name, and the nth allocation of a
 * thread. See Documentation/fault-injection/.
 */
#ifndef _MOF_FAULT_H
#define _MOF_FAULT_H

#include "util.h"

const char *function_fails_start(const char *function, const char *retval);
int function_fails(long times);
long function_fails_left(void);
void function_fails_stop(const char *function);

const char *allocations_fail_start(void);
int allocation_fails(long nth);
bool allocation_has_failed(void);
void allocations_fail_stop(void);

#define RUN_PAGES	1024L
#define RUN_WINDOW	(RUN_PAGES / 32)	/* window behind such a run, in pages */

int fault_area(struct area *a, const struct machine *m, long run, int flags, int fd);
int fault_begin(const struct machine *m, const struct area *a);

#endif /* _MOF_FAULT_H */
