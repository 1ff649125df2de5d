/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests under pressure share: how long touches take, and nodes, groups
 * and swap without room.
 */
#ifndef _MOF_PRESSURE_H
#define _MOF_PRESSURE_H

#include "util.h"

/**
 * struct pace - how long it took to move an area, in microseconds
 * @eager:	the longest mbind(2) without MPOL_MF_LAZY
 * @longest:	the longest touch, in the round where that was shortest
 * @median:	the median of the touches of that round
 */
struct pace {
	double eager;
	double longest;
	double median;
};

int pace_eager(const struct area *a, const struct machine *m, struct pace *p);
int pace_touches(const struct area *a, const struct machine *m, struct pace *p);
double pace_limit(const struct pace *p);

long free_pages(int node);
long cgroup_event(const struct cgroup *cg, const char *key);
int cgroup_limit(const struct cgroup *cg, const char *file, long bytes);
int cgroup_shrink(const struct cgroup *cg, long bytes);
bool has_swap(void);
const char *swap_any(struct swap *s);
const char *fill_for_good(struct area *hog, int node);
const char *fragment_node(struct area *hog, int node);

#endif /* _MOF_PRESSURE_H */
