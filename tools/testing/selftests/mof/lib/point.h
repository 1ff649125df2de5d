/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hold points of the kernel.
 */
#ifndef _MOF_POINT_H
#define _MOF_POINT_H

#include "util.h"

#define NO_POINTS	"kernel without CONFIG_MIGRATE_ON_FAULT_DEBUG, or no debugfs"

bool have_points(void);
int point_hold(const char *point, pid_t pid, long times);
int point_release(const char *point);
long point_waiting(const char *point);
long point_hits(const char *point);
bool point_reached(const char *point);
bool thread_sleeps(pid_t pid, pid_t tid);
pid_t kernel_thread(const char *name);
int kernel_thread_reaches(const char *name, const char *path, long target);

#endif /* _MOF_POINT_H */
