/* SPDX-License-Identifier: GPL-2.0 */
/* Events of perf_event_open(2), of this process and threads it starts later. */
#ifndef NB_PERF_H
#define NB_PERF_H

#include <stdint.h>

#define NB_MAX_EVENTS	6

/* As read; after perf_stop() value is the difference, and 0 if not counted */
struct perf_count {
	uint64_t value;
	uint64_t enabled_ns;
	uint64_t running_ns;
};

void perf_setup(void);
void perf_start(struct perf_count *counts);
void perf_stop(struct perf_count *counts);

/* The name as perf-stat(1) prints it, or NULL for one that is not counted */
const char *perf_name(unsigned int event);

/* Why not, or NULL */
const char *perf_missing_software(void);
const char *perf_missing_cycles(void);
const char *perf_missing_nodes(void);
const char *perf_missing_kernel(void);

#endif /* NB_PERF_H */
