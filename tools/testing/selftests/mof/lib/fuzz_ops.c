// SPDX-License-Identifier: GPL-2.0
/*
 * The fuzzer: what each operation does, and what the model learns from it.
 *
 * A call may be refused, as many are by what is mapped there: then nothing is
 * different, or it is not known what is.
 */
#define _GNU_SOURCE
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

#define UNKNOWN_FLAG	0x400
#define UNKNOWN_MODE	99

/**
 * struct target - what a call is about
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

/* Calls that are wrong whatever is mapped there. */
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
		fuzz_fail(t->r, "wrong mbind(2), %s: %ld", fuzz_choice(t->c)->name, err);
}

static void op_task_policy(struct target *t)
{
	if (set_task_policy(t->c->mode, t->c->nodes))
		fuzz_fail(t->r, "set_mempolicy(2): %s", strerrorname_np(errno));
}

/* Contents may be gone; if the call has failed, those of some of the pages. */
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
		return;		/* that would be another object */
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

/* What a move leaves behind: nothing, or a mapping without pages. */
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
	/* Several VMAs; what was in the way may be gone all the same. */
	munmap(to.base, bytes);
	fuzz_unmapped(t->area, t->c->to, pages);
}

/* Pages that the mapping of page @last could have more. */
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

/* Make one call, and compare what it did with what it should have done. */
void fuzz_call(struct fuzz_run *r, const struct fuzz_call *c)
{
	struct fuzz_area *area = &r->area[c->area];
	struct target t = {
		.r = r, .c = c, .area = area,
		.a = fuzz_span(area, c->first, c->pages),
	};

	ops[c->op](&t);
}
