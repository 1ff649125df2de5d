// SPDX-License-Identifier: GPL-2.0
/*
 * The fuzzer: policies, and where pages are.
 *
 * Two things are known of places. Private anonymous memory is on the nodes of
 * its policies, whatever happens to it, if these are all MPOL_BIND. And a call
 * with MPOL_MF_LAZY and MPOL_MF_STRICT that succeeds has marked all misplaced
 * pages that are not shared, so that after a touch of each they are where the
 * policy wants them, unless a failure has been counted.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "fuzz.h"

#define MOVES		(MPOL_MF_MOVE | MPOL_MF_MOVE_ALL)
#define PIECE		64L
#define TRIES		3

static int mode_of(const struct fuzz_call *c)
{
	return c->mode & ~FUZZ_MODE_FLAGS;
}

/* A hole is an error; with MPOL_DEFAULT, only if there is nothing else. */
static bool has_hole(const struct fuzz_area *a, const struct fuzz_call *c)
{
	long i, unmapped = 0;

	for (i = c->first; i < c->first + c->pages; i++)
		unmapped += a->page[i].prot == FUZZ_UNMAPPED;
	return c->mode == MPOL_DEFAULT ? unmapped == c->pages : unmapped > 0;
}

static void policy_installed(struct fuzz_area *a, const struct fuzz_call *c)
{
	unsigned long nodes = mode_of(c) == MPOL_BIND ? c->nodes : 0;
	long i;

	for (i = c->first; i < c->first + c->pages; i++) {
		a->page[i].mode = c->mode;
		a->page[i].nodes = nodes;
	}
	fuzz_widen(a, c->first, c->pages, nodes ? nodes : ~0UL);
}

static bool private_anonymous(const struct fuzz_area *a)
{
	return a->kind == FUZZ_ANON || a->kind == FUZZ_HUGE;
}

/* The pages have all been moved to where the policy wants them. */
static void all_moved(struct fuzz_run *r, struct fuzz_area *a, const struct fuzz_call *c)
{
	long i;

	if (a->large || a->anywhere || r->child || mode_of(c) != MPOL_BIND)
		return;
	for (i = c->first; i < c->first + c->pages; i++)
		if (!a->page[i].swapped)
			a->page[i].allowed = c->nodes;
}

/*
 * Is this what the call may return? MPOL_MF_STRICT alone ends it at the first
 * misplaced page, before it finds a hole, or installs the policy.
 */
static bool may_return(const struct fuzz_call *c, long err, bool hole)
{
	if (err == -EIO)
		return c->flags & MPOL_MF_STRICT && !(hole && c->flags & MOVES);
	return err == (hole ? -EFAULT : 0);
}

/* Install the policy; the call may mark, or move. */
static long set_policy(struct fuzz_run *r, const struct fuzz_call *c)
{
	struct fuzz_area *a = &r->area[c->area];
	struct area span = fuzz_span(a, c->first, c->pages);
	bool hole = has_hole(a, c);
	long err;

	err = area_mbind(&span, c->mode, c->nodes, c->flags);
	if (!may_return(c, err, hole))
		fuzz_fail(r, "mbind(2) of a range %s: %ld",
			  hole ? "with a hole" : "that is mapped", err);
	if (!err || (err == -EIO && c->flags & MOVES))
		policy_installed(a, c);
	return err;
}

/* Before anything is there: no page has been allocated by another policy. */
void fuzz_bind_first(struct fuzz_run *r, const struct fuzz_call *c)
{
	struct fuzz_area *a = &r->area[c->area];
	long i;

	set_policy(r, c);
	for (i = 0; i < a->a.pages; i++)
		a->page[i].allowed = c->nodes;
}

void fuzz_mbind(struct fuzz_run *r, const struct fuzz_call *c)
{
	const unsigned int strict_move = MPOL_MF_MOVE | MPOL_MF_STRICT;

	if (!set_policy(r, c) && c->flags == strict_move)
		all_moved(r, &r->area[c->area], c);
}

/* Where each page is, or a negative errno; touches none. */
static void look(const struct fuzz_area *a, long first, long pages, int *status)
{
	void *addr[PIECE];
	long i;

	for (i = 0; i < pages; i++)
		addr[i] = a->a.base + (first + i) * page_size();
	for (i = 0; i < pages; i++)
		status[i] = -ENOENT;
	move_pages(0, pages, addr, NULL, status, 0);
}

/* Are pages on nodes where they may be? Asked only where that is known. */
void fuzz_check_places(struct fuzz_run *r, struct fuzz_area *a, long first, long pages)
{
	int status[PIECE];
	long i, j, nr;

	if (!private_anonymous(a) || a->anywhere)
		return;
	for (i = first; i < first + pages; i += nr) {
		nr = first + pages - i < PIECE ? first + pages - i : PIECE;
		look(a, i, nr, status);
		for (j = 0; j < nr; j++)
			if (status[j] >= 0 && a->page[i + j].prot != FUZZ_UNMAPPED &&
			    !a->page[i + j].swapped &&
			    !(a->page[i + j].allowed & NODE_MASK(status[j])))
				fuzz_fail(r, "page %ld is on node %d, not in 0x%lx",
					  i + j, status[j], a->page[i + j].allowed);
	}
}

/* Where a touch from @node leaves a page that can be moved. */
static unsigned long targets(const struct fuzz_call *c, int node)
{
	int mode = mode_of(c);

	if (mode == MPOL_LOCAL || !c->nodes)
		return NODE_MASK(node);
	if ((mode == MPOL_BIND || mode == MPOL_PREFERRED_MANY) && c->nodes & NODE_MASK(node))
		return NODE_MASK(node);
	return c->nodes;
}

/**
 * struct settling - one attempt
 * @r:		the program
 * @c:		the call, cut to what is mapped there
 * @misplaced:	pages that are elsewhere than they should be
 * @failed:	pages that were counted as failed
 */
struct settling {
	struct fuzz_run *r;
	struct fuzz_call c;
	long misplaced;
	long failed;
};

/* Touch a piece; count pages that were there before, and are misplaced after. */
static void settle_piece(struct settling *s, long first, long pages)
{
	struct fuzz_area *a = &s->r->area[s->c.area];
	int node = s->r->thread[s->c.who].node;
	int before[PIECE], after[PIECE];
	long i;

	look(a, first, pages, before);
	fuzz_touch(s->r, &s->c, fuzz_span(a, first, pages));
	look(a, first, pages, after);
	for (i = 0; i < pages; i++) {
		if (before[i] < 0 || after[i] < 0)
			continue;
		s->r->w->me->settled++;
		if (!(targets(&s->c, node) & NODE_MASK(after[i])))
			s->misplaced++;
	}
}

static long settle_once(struct settling *s)
{
	struct stats before, after;
	long i, nr;
	long err;

	s->misplaced = 0;
	err = set_policy(s->r, &s->c);
	if (err)
		return err;
	stats_peek(&before);
	for (i = 0; i < s->c.pages; i += nr) {
		nr = s->c.pages - i < PIECE ? s->c.pages - i : PIECE;
		settle_piece(s, s->c.first + i, nr);
	}
	stats_peek(&after);
	s->failed = stats_failed(&after) - stats_failed(&before);
	return 0;
}

/* What is wanted can only be told of memory that nobody else has or moves. */
static bool can_settle(const struct fuzz_run *r, const struct fuzz_call *c)
{
	const struct fuzz_area *a = &r->area[c->area];

	return private_anonymous(a) && !a->anywhere && !r->child &&
	       c->mode != MPOL_DEFAULT && a->page[c->first].prot > 0;
}

/*
 * Mark, touch all, and look where it is now. Others may take marks away in
 * between, as compaction does: more than once is no chance.
 */
void fuzz_settle(struct fuzz_run *r, const struct fuzz_call *c)
{
	struct settling s = { .r = r, .c = *c };
	long since = -1;
	int try;

	fuzz_halt(r);
	if (!can_settle(r, c) || !fuzz_unbalanced_since(r, &since))
		return;
	s.c.flags = MOF_LAZY_MOVE | MPOL_MF_STRICT;
	s.c.pages = fuzz_mapped(&r->area[c->area], c->first, c->pages);
	for (try = 0; try < TRIES; try++) {
		if (settle_once(&s) || s.failed || !s.misplaced)
			return;
	}
	if (!fuzz_unbalanced_since(r, &since))
		return;
	fuzz_fail(r, "%ld pages are misplaced after a touch from node %d, none failed",
		  s.misplaced, r->thread[c->who].node);
}
