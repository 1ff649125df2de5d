// SPDX-License-Identifier: GPL-2.0
/*
 * The fuzzer: operations, and how they change the model. A call may be refused,
 * depending on what is mapped: then the model stays the same, or becomes less
 * certain.
 *
 * Two invariants about placement are checked. Private anonymous memory is on
 * the nodes of its policies, whatever happens to it, if these are all
 * MPOL_BIND. And a call with MPOL_MF_LAZY and MPOL_MF_STRICT that succeeds has
 * marked all misplaced pages that are not shared, so after a touch of each page
 * they obey the policy, unless a failure has been counted.
 */
#include <errno.h>
#include <numaif.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE		25
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP	4
#endif

#define MOVES		(MPOL_MF_MOVE | MPOL_MF_MOVE_ALL)
#define PIECE		64L
#define TRIES		3
#define UNKNOWN_FLAG	0x400
#define UNKNOWN_MODE	99

static int mode_of(const struct fuzz_call *c)
{
	return c->mode & ~FUZZ_MODE_FLAGS;
}

/* A hole is an error; with MPOL_DEFAULT, only if nothing is mapped at all. */
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

/* All pages have been migrated to where the policy wants them. */
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
 * MPOL_MF_STRICT without a move flag ends the call at the first misplaced page,
 * before it finds a hole, or installs the policy.
 */
static bool may_return(const struct fuzz_call *c, long err, bool hole)
{
	if (err == -EIO)
		return c->flags & MPOL_MF_STRICT && !(hole && c->flags & MOVES);
	return err == (hole ? -EFAULT : 0);
}

/* Install the policy; the call may also mark or migrate. */
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

/* For areas without pages: no page has been allocated under another policy. */
void fuzz_bind_first(struct fuzz_run *r, const struct fuzz_call *c)
{
	struct fuzz_area *a = &r->area[c->area];
	long i;

	set_policy(r, c);
	for (i = 0; i < a->a.pages; i++)
		a->page[i].allowed = c->nodes;
}

static void fuzz_mbind(struct fuzz_run *r, const struct fuzz_call *c)
{
	const unsigned int strict_move = MPOL_MF_MOVE | MPOL_MF_STRICT;

	if (!set_policy(r, c) && c->flags == strict_move)
		all_moved(r, &r->area[c->area], c);
}

/* Node of each page, or a negative errno; touches none. */
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

/* Check that pages are on allowed nodes, for memory where these are known. */
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

/* Allowed nodes after a touch from @node, for pages that can be migrated. */
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
 * struct settling - one attempt of fuzz_settle()
 * @r:		the program
 * @c:		the call, limited to what is mapped alike
 * @misplaced:	number of pages that are misplaced after the touch
 * @failed:	number of pages that were counted as failed
 */
struct settling {
	struct fuzz_run *r;
	struct fuzz_call c;
	long misplaced;
	long failed;
};

/* Touch pages; count those that were and are present, but are misplaced. */
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

/* Placement is only known for memory that no other process maps or moves. */
static bool can_settle(const struct fuzz_run *r, const struct fuzz_call *c)
{
	const struct fuzz_area *a = &r->area[c->area];

	return private_anonymous(a) && !a->anywhere && !r->child &&
	       c->mode != MPOL_DEFAULT && a->page[c->first].prot > 0;
}

/*
 * Mark, touch all pages, and check where they are. Other code, such as
 * compaction, may drop marks in between: it is a bug if pages stay several
 * times.
 */
static void fuzz_settle(struct fuzz_run *r, const struct fuzz_call *c)
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

/**
 * struct target - operands of a call
 * @r:		the program
 * @c:		the call
 * @area:	its area
 * @a:		its pages
 */
struct target {
	struct fuzz_run *r;
	const struct fuzz_call *c;
	struct fuzz_area *area;
	struct area a;
};

static void op_write(struct target *t)
{
	const struct fuzz_call *c = t->c;
	long i;

	for (i = c->first; i < c->first + c->pages; i++) {
		fuzz_check_page(t->r, t->area, i, false);
		if (t->area->page[i].prot > 0 && t->area->page[i].prot & PROT_WRITE)
			fuzz_write_page(t->r, t->area, i);
	}
}

static void op_check(struct target *t)
{
	const struct fuzz_call *c = t->c;
	long i;

	for (i = c->first; i < c->first + c->pages; i++)
		fuzz_check_page(t->r, t->area, i, false);
	fuzz_check_places(t->r, t->area, c->first, c->pages);
}

static void op_touch(struct target *t)
{
	fuzz_touch(t->r, t->c, t->a);
}

static void op_chase(struct target *t)
{
	fuzz_chase(t->r, t->c, t->a);
}

static void op_halt(struct target *t)
{
	fuzz_halt(t->r);
}

static void op_mbind(struct target *t)
{
	fuzz_mbind(t->r, t->c);
}

static void op_settle(struct target *t)
{
	fuzz_settle(t->r, t->c);
}

/* Calls that are invalid for any mapping. */
static void op_wrong(struct target *t)
{
	static const struct {
		int mode;
		unsigned long nodes;
		unsigned int flags;
		long offset;
	} calls[] = {
		{ MPOL_LOCAL, 0, MPOL_MF_LAZY, 0 },
		{ MPOL_LOCAL, 0, MPOL_MF_LAZY | MPOL_MF_STRICT, 0 },
		{ MPOL_LOCAL, 0, MOF_LAZY_MOVE | UNKNOWN_FLAG, 0 },
		{ UNKNOWN_MODE, 0, MOF_LAZY_MOVE, 0 },
		{ MPOL_BIND, 0, MOF_LAZY_MOVE, 0 },
		{ MPOL_DEFAULT, 1, MOF_LAZY_MOVE, 0 },
		{ MPOL_LOCAL, 0, MOF_LAZY_MOVE, 8 },
	};
	long which = fuzz_choice(t->c)->value;
	struct area a = t->a;
	long err;

	a.base += calls[which].offset;
	err = area_mbind(&a, calls[which].mode, calls[which].nodes, calls[which].flags);
	if (err != -EINVAL)
		fuzz_fail(t->r, "invalid mbind(2), %s: %ld", fuzz_choice(t->c)->name, err);
}

static void op_task_policy(struct target *t)
{
	if (set_task_policy(t->c->mode, t->c->nodes))
		fuzz_fail(t->r, "set_mempolicy(2): %s", strerrorname_np(errno));
}

/* Contents are lost; if the call failed, perhaps only of some pages. */
static void dropped(struct target *t, bool all)
{
	if (all)
		fuzz_forget(t->area, t->c->first, t->c->pages);
	else
		fuzz_doubt(t->area, t->c->first, t->c->pages);
}

static void swapped(struct target *t)
{
	long i;

	for (i = 0; i < t->area->a.pages; i++)
		if (t->area->large ||
		    (i >= t->c->first && i < t->c->first + t->c->pages))
			t->area->page[i].swapped = true;
}

static void op_advise(struct target *t)
{
	long advice = fuzz_choice(t->c)->value;
	bool private = fuzz_private(t->area);
	int err = madvise(t->a.base, area_bytes(&t->a), advice);

	if (advice == MADV_DONTNEED && private) {
		dropped(t, !err);
		if (!err)
			fuzz_fresh(t->area, t->c->first, t->c->pages);
	} else if (advice == MADV_FREE && private) {
		dropped(t, false);
	} else if (advice == MADV_REMOVE && !private) {
		dropped(t, !err);
	} else if (advice == MADV_PAGEOUT || advice == MADV_COLD) {
		swapped(t);
	} else if (advice == MADV_HUGEPAGE || advice == MADV_COLLAPSE) {
		t->area->large = true;
		fuzz_widen(t->area, 0, 0, 0);
	} else if (advice == MADV_MERGEABLE) {
		t->area->anywhere = true;
	}
}

static void op_map(struct target *t)
{
	const struct fuzz_call *c = t->c;
	int flags = t->area->kind == FUZZ_MEMFD ? MAP_SHARED : MAP_PRIVATE;
	int fd = t->area->fd;

	if (t->area->kind == FUZZ_SHARED)
		return;		/* this would map another object */
	if (mmap(t->a.base, area_bytes(&t->a), PROT_READ | PROT_WRITE,
		 flags | MAP_FIXED | (fd < 0 ? MAP_ANONYMOUS : 0), fd,
		 fd < 0 ? 0 : c->first * page_size()) == MAP_FAILED)
		fuzz_fail(t->r, "mmap(2): %s", strerrorname_np(errno));
	else
		fuzz_mapped_anew(t->area, c->first, c->pages);
}

static void op_unmap(struct target *t)
{
	if (munmap(t->a.base, area_bytes(&t->a)))
		fuzz_fail(t->r, "munmap(2): %s", strerrorname_np(errno));
	else
		fuzz_unmapped(t->area, t->c->first, t->c->pages);
}

/* A move leaves nothing, or with MREMAP_DONTUNMAP an empty mapping. */
static void left_behind(struct target *t, long pages, const struct fuzz_page *was)
{
	long i;

	for (i = 0; i < pages; i++) {
		t->area->page[t->c->first + i] = *was;
		t->area->page[t->c->first + i].home = was->home + i;
	}
	fuzz_forget(t->area, t->c->first, pages);
}

static void op_move(struct target *t)
{
	long pages = fuzz_mapped(t->area, t->c->first, t->c->pages);
	bool keep = fuzz_choice(t->c)->value && t->area->fd < 0 && fuzz_private(t->area);
	struct area to = fuzz_span(t->area, t->c->to, pages);
	struct fuzz_page was = t->area->page[t->c->first];
	long bytes = pages * page_size();

	if (!pages || t->c->to + pages > t->area->a.pages ||
	    (t->c->to < t->c->first + pages && t->c->first < t->c->to + pages))
		return;
	if (mremap(t->a.base, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED |
		   (keep ? MREMAP_DONTUNMAP : 0), to.base) == to.base) {
		fuzz_moved(t->area, t->c->first, pages, t->c->to);
		if (keep)
			left_behind(t, pages, &was);
		return;
	}
	/* Several VMAs; the destination may have been unmapped nevertheless. */
	munmap(to.base, bytes);
	fuzz_unmapped(t->area, t->c->to, pages);
}

/* Number of pages by which the mapping of page @last can grow, up to @most. */
static long room(const struct fuzz_area *a, long last, long most)
{
	long i;

	for (i = 0; i < most && last + 1 + i < a->a.pages; i++)
		if (a->page[last + 1 + i].prot != FUZZ_UNMAPPED ||
		    a->page[last].home + 1 + i >= a->a.pages)
			break;
	return i;
}

static void op_grow(struct target *t)
{
	struct fuzz_area *a = t->area;
	long last = t->c->first + fuzz_mapped(a, t->c->first, a->a.pages) - 1;
	struct fuzz_page page;
	long more, i;

	if (last < t->c->first)
		return;
	more = room(a, last, t->c->pages);
	if (!more || mremap(a->a.base + last * page_size(), page_size(),
			    (1 + more) * page_size(), 0) == MAP_FAILED)
		return;
	page = a->page[last];
	page.generation = 0;
	page.unsure = false;
	for (i = 1; i <= more; i++) {
		page.home++;
		a->page[last + i] = page;
	}
	fuzz_fresh(a, last + 1, more);
}

static void op_shrink(struct target *t)
{
	long pages = fuzz_mapped(t->area, t->c->first, t->c->pages);
	long less = pages > 1 ? 1 + t->c->to % (pages - 1) : 0;

	if (!less || mremap(t->a.base, pages * page_size(), (pages - less) * page_size(),
			    0) == MAP_FAILED)
		return;
	fuzz_unmapped(t->area, t->c->first + pages - less, less);
}

static void op_protect(struct target *t)
{
	long pages = fuzz_mapped(t->area, t->c->first, t->c->pages);
	int prot = fuzz_choice(t->c)->value;
	long i;

	if (!pages)
		return;
	if (mprotect(t->a.base, pages * page_size(), prot))
		fuzz_fail(t->r, "mprotect(2): %s", strerrorname_np(errno));
	for (i = 0; i < pages; i++)
		t->area->page[t->c->first + i].prot = prot;
}

static void op_lock(struct target *t)
{
	if (mlock(t->a.base, area_bytes(&t->a)))
		errno = 0;
}

static void op_unlock(struct target *t)
{
	if (munlock(t->a.base, area_bytes(&t->a)))
		errno = 0;
}

static void op_split(struct target *t)
{
	split_thps(&t->a);
}

static int node_of(const struct target *t)
{
	return t->r->thread[t->c->who].node;
}

static void op_run_on(struct target *t)
{
	run_on(node_of(t));
}

static void op_fork(struct target *t)
{
	fuzz_fork(t->r, t->c);
}

static void op_join(struct target *t)
{
	fuzz_join(t->r);
}

static void op_move_pages(struct target *t)
{
	fuzz_widen(t->area, t->c->first, t->c->pages, NODE_MASK(node_of(t)));
	area_move(&t->a, node_of(t));
}

static void op_migrate_pages(struct target *t)
{
	unsigned long to = NODE_MASK(node_of(t));
	struct fuzz_area *a;

	for (a = t->r->area; a < t->r->area + FUZZ_AREAS; a++)
		fuzz_widen(a, 0, a->a.pages, to);
	if (migrate_pages(0, MAX_NODE, &t->r->p->memory, &to) < 0)
		fuzz_fail(t->r, "migrate_pages(2): %s", strerrorname_np(errno));
}

static void op_balancing(struct target *t)
{
	fuzz_sysctl(t->r, t->c, BALANCING, 0);
}

static void op_window(struct target *t)
{
	fuzz_sysctl(t->r, t->c, WINDOW, 0);
}

static void op_wrong_sysctl(struct target *t)
{
	bool window = strstr(fuzz_choice(t->c)->name, "window");

	fuzz_sysctl(t->r, t->c, window ? WINDOW : BALANCING, -EINVAL);
}

static void (* const ops[NR_FUZZ_OPS])(struct target *t) = {
	[FUZZ_WRITE] = op_write, [FUZZ_CHECK] = op_check, [FUZZ_TOUCH] = op_touch,
	[FUZZ_CHASE] = op_chase, [FUZZ_HALT] = op_halt, [FUZZ_MBIND] = op_mbind,
	[FUZZ_SETTLE] = op_settle, [FUZZ_WRONG] = op_wrong,
	[FUZZ_TASK_POLICY] = op_task_policy, [FUZZ_ADVISE] = op_advise,
	[FUZZ_MAP] = op_map, [FUZZ_UNMAP] = op_unmap, [FUZZ_MOVE] = op_move,
	[FUZZ_GROW] = op_grow, [FUZZ_SHRINK] = op_shrink,
	[FUZZ_PROTECT] = op_protect, [FUZZ_LOCK] = op_lock,
	[FUZZ_UNLOCK] = op_unlock, [FUZZ_SPLIT] = op_split,
	[FUZZ_RUN_ON] = op_run_on, [FUZZ_FORK] = op_fork, [FUZZ_JOIN] = op_join,
	[FUZZ_MOVE_PAGES] = op_move_pages, [FUZZ_MIGRATE_PAGES] = op_migrate_pages,
	[FUZZ_BALANCING] = op_balancing, [FUZZ_WINDOW] = op_window,
	[FUZZ_WRONG_SYSCTL] = op_wrong_sysctl,
};

/* Make one call, and compare its result with the expected one. */
void fuzz_call(struct fuzz_run *r, const struct fuzz_call *c)
{
	struct fuzz_area *area = &r->area[c->area];
	struct target t = {
		.r = r, .c = c, .area = area,
		.a = fuzz_span(area, c->first, c->pages),
	};

	ops[c->op](&t);
}
