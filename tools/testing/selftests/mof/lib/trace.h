/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Probes on kernel functions that record the calls of one thread: kprobe events
 * in a separate trace instance. See Documentation/trace/kprobetrace.rst.
 */
#ifndef _MOF_TRACE_H
#define _MOF_TRACE_H

#include "util.h"

#define PROBE_VALUES	2

/**
 * struct probe - a kernel function to probe
 * @name:	name of the event
 * @what:	the function and the values to record, named v0 and v1, in the
 *		syntax of kprobe_events
 */
struct probe {
	const char *name;
	const char *what;
};

/**
 * struct hit - one call of a probed function
 * @probe:	index of the probe
 * @value:	v0 and v1; 0 if the probe does not record them
 */
struct hit {
	int probe;
	unsigned long value[PROBE_VALUES];
};

const char *probes_add(const struct probe *probes, int nr);
void probes_remove(void);
int probes_start(pid_t tid);
long probes_stop(struct hit **hits);

#endif /* _MOF_TRACE_H */
