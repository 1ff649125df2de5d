/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Races between the touch of a marked page and something else: what the touch is
 * held at, what the other thread does, and what must be so afterwards.
 */
#ifndef _MOF_RACE_H
#define _MOF_RACE_H

#include "point.h"

/* Pages touched before the one of the race: a run that earns a window of four */
#define RACE_BEFORE	128L
#define RACE_PAGES	(RACE_BEFORE + AREA_PAGES)

#define RACE_STAMP	0x7061676573746d70ULL
#define RACE_OTHER	0x6f74686572737470ULL

/* What a race is about */
enum race_kind {
	RACE_SMALL,		/* anonymous base pages: the direct path */
	RACE_SHARED,		/* pages of shared memory: the generic path */
	RACE_THP,		/* a THP: the stock path */
};

/* What is in the area afterwards */
enum race_after {
	RACE_KEEPS,		/* what was there, and what both have written */
	RACE_DROPS,		/* zeroes, and perhaps what the toucher has written */
};

struct race;

/**
 * struct race_op - what happens while a touch is held
 * @prepare:	before anything is marked; NULL, or why it cannot be tested
 * @run:	in a thread of its own: 0 or a negative errno
 * @check:	0 if what it is about is as it should be after both
 * @finish:	undoes @prepare; also called if that fails
 * @after:	what becomes of the contents
 * @writes:	it writes RACE_OTHER to race_other()
 * @moves:	it moves pages by itself, or keeps them from moving
 * @may_fail:	as others that it meets are busy
 * @first:	it does not wait for the touch, so it is done while that is held:
 *		until then, also if it sleeps; where nobody is held, at any time.
 *		Beside who marks, it may have to wait for others
 * @pages:	length of the area; 0: RACE_PAGES; only for base pages
 */
struct race_op {
	const char *(*prepare)(struct race *r);
	int (*run)(struct race *r);
	int (*check)(struct race *r);
	void (*finish)(struct race *r);
	enum race_after after;
	bool writes;
	bool moves;
	bool may_fail;
	bool first;
	long pages;
};

/**
 * struct race - a toucher and somebody else
 * @m:		the toucher is on @m->to, all others and the area on @m->from
 * @marks:	the one that is held does not touch a page, but marks the area
 * @steps:	and that in steps of the automatic mode, while it uses memory
 * @hinted:	of @steps: it is held where so many pages of the area hint
 * @kind:	what the area consists of
 * @point:	where the toucher is held, if the kernel has points
 * @settled:	from there on the page moves, whatever comes
 * @before:	counters before
 * @op:		what happens meanwhile
 * @a:		the area
 * @page:	the page that is touched; those before it have been
 * @other_page:	where @op writes; the same, if it says nothing else
 * @left:	pages of the area that @op has left, from its start on
 * @window:	saved vm.mof_window_pages
 * @file:	for @op: a descriptor
 * @data:	for @op
 * @swap:	for @op
 * @cgroup:	for @op
 * @round:	if there are no points, this is tried several times
 * @touched:	the touch, or the call that marks, has returned
 * @done:	@op has returned
 * @reached:	the toucher was held
 * @first:	@op was done while the toucher was held
 * @err:	what @op has returned
 */
struct race {
	const struct machine *m;
	bool marks;
	bool steps;
	long hinted;
	enum race_kind kind;
	const char *point;
	bool settled;
	struct stats before;
	const struct race_op *op;
	struct area a;
	long page;
	long other_page;
	long left;
	long window;
	int file;
	void *data;
	struct swap swap;
	struct cgroup cgroup;
	long round;
	bool touched;
	bool done;
	bool reached;
	bool first;
	int err;
	/* Of race_run() only */
	pthread_t toucher;
	pthread_t other;
	bool let_go;
	pthread_barrier_t barrier;
	pthread_barrier_t start;	/* of the other one */
	pid_t toucher_tid;
	pid_t other_tid;
};

int race_area(struct race *r);
int race_run(struct race *r);
long race_run_beside_writer(struct race *r);
long race_rounds(void);
long race_lost(struct race *r);
__u64 *race_stamp(const struct race *r);
__u64 *race_other(const struct race *r);

/* mof_race_ops.c: what several programs race with */
const char *race_swap_prepare(struct race *r);
void race_swap_finish(struct race *r);
int race_page_out(struct race *r);
int race_drop(struct race *r);
int race_move_to(struct race *r);
int race_move_back(struct race *r);

#endif /* _MOF_RACE_H */
