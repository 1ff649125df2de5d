// SPDX-License-Identifier: GPL-2.0
/*
 * Operations that several programs race with.
 */
#include <errno.h>
#include <sys/mman.h>

#include "race.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif

const char *race_swap_prepare(struct race *r)
{
	return swap_enable(&r->swap);
}

void race_swap_finish(struct race *r)
{
	swap_disable(&r->swap);
}

static int advise(const struct race *r, int advice)
{
	return madvise(r->a.base, area_bytes(&r->a), advice) ? -errno : 0;
}

int race_page_out(struct race *r)
{
	return advise(r, MADV_PAGEOUT);
}

/* Shared memory would keep what is only not mapped any more. */
int race_drop(struct race *r)
{
	return advise(r, r->kind == RACE_SHARED ? MADV_REMOVE : MADV_DONTNEED);
}

static int move(struct race *r, int node)
{
	long there = area_move(&r->a, node);

	return there < 0 ? there : 0;
}

int race_move_to(struct race *r)
{
	return move(r, r->m->to);
}

int race_move_back(struct race *r)
{
	return move(r, r->m->from);
}
