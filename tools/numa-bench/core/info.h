/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of "numa-bench info" share. */
#ifndef NB_INFO_H
#define NB_INFO_H

#include "numa-bench.h"

struct json_object;

/* info-features.c: what is tried, and why it is not there; or NULL */
struct feature {
	const char *name;
	const char *(*missing)(void);
};

extern const struct feature features[];
extern const size_t nr_features;

/* info-nodes.c: tables with a column for each node */
void info_nodes(void);
void info_numastat(void);
struct json_object *info_numastat_json(void);

#endif /* NB_INFO_H */
