// SPDX-License-Identifier: GPL-2.0
/*
 * The fuzzer: what calls change in the model.
 *
 * Nodes where a page may be: those of all policies that have been in force since
 * it was allocated, as it may have stayed at any change. Without MPOL_BIND that
 * is any node. In an area with large folios, what is true of one page may be so
 * of the others, as folios move as a whole, and are made of what is around.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>

#include "fuzz.h"

/* Number of pages from @first on, @limit at most, that are mapped alike. */
long fuzz_mapped(const struct fuzz_area *a, long first, long limit)
{
	const struct fuzz_page *p = &a->page[first];
	long i;

	if (p->prot == FUZZ_UNMAPPED)
		return 0;
	for (i = 1; i < limit && first + i < a->a.pages; i++)
		if (p[i].prot != p->prot || p[i].mode != p->mode ||
		    p[i].nodes != p->nodes || p[i].home != p->home + i)
			break;
	return i;
}

/* Pages that show what is behind them from now on; behind shared ones is zero. */
void fuzz_forget(struct fuzz_area *a, long first, long pages)
{
	struct fuzz_page *p;

	for (p = &a->page[first]; pages--; p++) {
		if (a->behind && p->prot != FUZZ_UNMAPPED)
			a->behind[p->home] = (struct fuzz_behind) { };
		p->generation = 0;
		p->unsure = false;
	}
}

/* Pages that may do so at any time, until they are written. */
void fuzz_doubt(struct fuzz_area *a, long first, long pages)
{
	struct fuzz_page *p;

	for (p = &a->page[first]; pages--; p++)
		if (!a->behind)
			p->unsure = true;
		else if (p->prot != FUZZ_UNMAPPED)
			a->behind[p->home].unsure = true;
}

static unsigned long policy_nodes(const struct fuzz_page *p)
{
	return p->nodes ? p->nodes : ~0UL;
}

/* Pages that will be allocated anew, by the policy that there is. */
void fuzz_fresh(struct fuzz_area *a, long first, long pages)
{
	struct fuzz_page *p;

	if (a->large) {
		fuzz_widen(a, first, pages, policy_nodes(&a->page[first]));
		return;
	}
	for (p = &a->page[first]; pages--; p++) {
		p->allowed = policy_nodes(p);
		p->swapped = false;
	}
}

/* Pages that may also be on @nodes from now on. */
void fuzz_widen(struct fuzz_area *a, long first, long pages, unsigned long nodes)
{
	unsigned long all = nodes;
	long i;

	if (a->large) {
		first = 0;
		pages = a->a.pages;
		for (i = 0; i < pages; i++)
			all |= a->page[i].prot == FUZZ_UNMAPPED ? 0 : a->page[i].allowed;
	}
	for (i = first; i < first + pages; i++)
		a->page[i].allowed |= all;
}

void fuzz_unmapped(struct fuzz_area *a, long first, long pages)
{
	struct fuzz_page *p;

	for (p = &a->page[first]; pages--; p++) {
		p->prot = FUZZ_UNMAPPED;
		p->generation = 0;
		p->unsure = false;
	}
}

/* Pages of a new mapping, which has no policy yet. */
void fuzz_mapped_anew(struct fuzz_area *a, long first, long pages)
{
	long i;

	for (i = first; i < first + pages; i++)
		a->page[i] = (struct fuzz_page) {
			.prot = PROT_READ | PROT_WRITE,
			.home = i,
			.mode = MPOL_DEFAULT,
			.allowed = ~0UL,
		};
	if (a->large)
		fuzz_widen(a, 0, 0, ~0UL);
}

/* Pages and all that is known of them go from @first to @to. */
void fuzz_moved(struct fuzz_area *a, long first, long pages, long to)
{
	memcpy(&a->page[to], &a->page[first], pages * sizeof(*a->page));
	fuzz_unmapped(a, first, pages);
	if (a->large)
		fuzz_widen(a, 0, 0, 0);
}
