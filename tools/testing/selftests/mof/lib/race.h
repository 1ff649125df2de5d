/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Races between a touch of a marked page, held at a point, and an operation of
 * another thread.
 */
#ifndef _MOF_RACE_H
#define _MOF_RACE_H

#include "point.h"

/* Pages touched before that of the race: a run for a window of four */
#define RACE_BEFORE	128L
#define RACE_PAGES	(RACE_BEFORE + AREA_PAGES)

#define RACE_STAMP	0x7061676573746d70ULL
#define RACE_OTHER	0x6f74686572737470ULL

/* Memory of the race */
enum race_kind {
	RACE_SMALL,		/* anonymous base pages: the direct path */
	RACE_SHARED,		/* pages of shared memory: the generic path */
	RACE_THP,		/* a THP: the stock path */
};

/* Contents after the race */
enum race_after {
	RACE_KEEPS,		/* unchanged, with the writes of both threads */
	RACE_DROPS,		/* zeroes, and possibly the write that faults */
};

struct race;

/**
 * struct race_op - operation during a touch
 * @prepare:	runs before marking; returns NULL, or why the test cannot run
 * @run:	runs in a thread of its own; returns 0 or a negative errno
 * @check:	runs after the race; returns 0 if all is as expected
 * @finish:	undoes @prepare; also called if that fails
 * @after:	effect on contents
 * @writes:	writes RACE_OTHER to race_other()
 * @moves:	moves pages itself, or prevents their migration
 * @may_fail:	may fail, as pages may be busy
 * @first:	does not wait for the touch, so it ends while that is held, even if it
 *		sleeps meanwhile. Does not apply without hold points, nor beside a
 *		marker, where it may have to wait for others
 * @pages:	length of an area of base pages; 0: RACE_PAGES
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
 * struct race - a thread that faults and another one
 * @m:		the first is on @m->to, other threads and the area on @m->from
 * @marks:	the held thread does not touch a page, but marks the area
 * @steps:	the held thread marks in steps of the automatic mode
 * @hinted:	with @steps: hold it when this number of pages is marked
 * @kind:	kind of memory
 * @point:	hold point, if the kernel has points
 * @settled:	from this point on, the page migrates in any case
 * @before:	counters before
 * @op:		operation of the other thread
 * @a:		the area
 * @page:	the touched page; all pages before it have been touched
 * @other_page:	page that @op writes to; @page by default
 * @left:	number of pages that @op leaves, from the start of the area
 * @window:	saved vm.mof_window_pages
 * @file:	for @op: a descriptor
 * @data:	for @op
 * @swap:	for @op
 * @cgroup:	for @op
 * @round:	without points, the race is tried several times
 * @touched:	the touch, or the marking call, has returned
 * @done:	@op has returned
 * @reached:	the first was held
 * @first:	@op ended while the first was held
 * @err:	result of @op
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
	/* Private to race_run() */
	pthread_t thread;
	pthread_t other;
	bool let_go;
	pthread_barrier_t barrier;
	pthread_barrier_t start;	/* for the other thread */
	pid_t tid;
	pid_t other_tid;
};

int race_area(struct race *r);
int race_run(struct race *r);
long race_run_beside_writer(struct race *r);
long race_rounds(void);
long race_lost(struct race *r);
__u64 *race_stamp(const struct race *r);
__u64 *race_other(const struct race *r);

/* Operations that several programs use */
const char *race_swap_prepare(struct race *r);
void race_swap_finish(struct race *r);
int race_page_out(struct race *r);
int race_drop(struct race *r);
int race_move_to(struct race *r);
int race_move_back(struct race *r);

#endif /* _MOF_RACE_H */
