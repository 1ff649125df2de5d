// SPDX-License-Identifier: GPL-2.0
/*
 * Migrate-on-fault: the pacing of the automatic mode. When does a step sample an
 * address space, and which of its extents? See Documentation/mm/mof.rst.
 *
 * The tick of a thread that has run for some time queues a step as task work. A
 * step is part of one of three scans:
 *
 *   full	all extents in order, a quota per period. Starts when threads come
 *		to other nodes and when a quarter of the samples is misplaced.
 *   follow-up	recently armed extents, to see whether their move pays off, and
 *		a few others.
 *   sparse	a few extents, scattered over all memory.
 *
 * The period is minimal during a full pass; otherwise it doubles up to a maximum.
 * After some full passes in a row that armed nothing, there are no more of them:
 * memory that several nodes share stays misplaced.
 *
 * A process whose threads all run on one node uses its memory from there: its
 * samples need no marks.
 */
#include <linux/cpuset.h>
#include <linux/debugfs.h>
#include <linux/nodemask.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/task_work.h>
#include <linux/topology.h>

#include "../../mm/mof/sample.h"
#include "mof.h"

#define MOF_FULL_QUOTA	256		/* samples per period of a full pass */
#define MOF_FULL_START	4		/* start if 1 of 4 samples is misplaced */
#define MOF_FULL_AGAIN	16		/* repeat if 1 of 16 still is */
#define MOF_IDLE_PASSES	8		/* full passes in a row that arm nothing */
#define MOF_MIN_PASSES	4		/* full passes, if they are short */
#define MOF_FORGET_NODE	(10 * HZ)	/* forget a node without threads */
#define MOF_PLACEMENT	16		/* samples per thread, to place tasks */
#define MOF_MIN_RUNTIME	NSEC_PER_SEC	/* of a thread, to move its memory */

/**
 * struct mof_tunable - a file in debugfs
 * @name: its name
 * @value: its value
 * @min: smallest valid value
 * @max: largest valid value
 */
struct mof_tunable {
	const char *name;
	unsigned int value;
	unsigned int min;
	unsigned int max;
};

static struct mof_tunable mof_delay = {
	"lazy_delay_ms", 32, 1, 60000,
};

static struct mof_tunable mof_period_min = {
	"lazy_period_min_ms", 32, 1, 60000,
};

static struct mof_tunable mof_period_max = {
	"lazy_period_max_ms", 1000, 1, 600000,
};

static struct mof_tunable mof_sparse_samples = {
	"lazy_rest_samples", 2, 1, MOF_FULL_QUOTA,
};

static unsigned int mof_tuned(const struct mof_tunable *t)
{
	/* Pairs with mof_tunable_set(). */
	return READ_ONCE(t->value);
}

static unsigned long mof_shortest(void)
{
	return msecs_to_jiffies(mof_tuned(&mof_period_min));
}

static unsigned long mof_longest(void)
{
	return max(msecs_to_jiffies(mof_tuned(&mof_period_max)),
		   mof_shortest());
}

/* May the memory of this task be on more than one node? */
static bool mof_has_choice(void)
{
	return num_node_state(N_MEMORY) > 1 &&
	       nodes_weight(cpuset_current_mems_allowed) > 1;
}

/* Start a full pass soon. */
static void mof_request_rescan(struct mof_mm *s)
{
	/* Pairs with mof_wants_full_pass() and __mof_work(). */
	WRITE_ONCE(s->rescan, true);
	if (READ_ONCE(s->idle_passes) < MOF_IDLE_PASSES)
		WRITE_ONCE(s->next, jiffies);
}

/* mof_tick(), in the automatic mode. */
void __mof_tick(struct task_struct *p)
{
	int nid = numa_node_id();
	struct mof_mm *s;

	/* A CPU without ticks is ticked remotely: there @p may be exiting. */
	if (p != current)
		return;
	/* Pairs with mof_mm_get(). */
	s = READ_ONCE(p->mm->mof_mm);
	if (!s) {
		/* Pairs with the failed allocation in __mof_work(). */
		if (p->se.sum_exec_runtime <
		    max((u64)mof_tuned(&mof_delay) * NSEC_PER_MSEC,
			READ_ONCE(p->node_stamp)))
			return;
	} else {
		if (mof_note_node(s, nid))
			mof_request_rescan(s);
		/* Pairs with mof_make_step(). */
		if (time_before(jiffies, READ_ONCE(s->next)))
			return;
	}
	/*
	 * User workers never return to user space. PF_USER_WORKER is constant,
	 * but other flags of the interrupted task may change concurrently.
	 */
	if (mof_has_choice() && !data_race(p->flags & PF_USER_WORKER))
		task_work_add(p, &p->numa_work, TWA_RESUME);
}

/*
 * mof_node_changed(), in the automatic mode. @p is not running, so its mm stays,
 * and with it the state of the mm.
 */
void __mof_node_changed(struct task_struct *p, int nid)
{
	struct mm_struct *mm = p->mm;
	struct mof_mm *s;

	if (!mm || (p->flags & (PF_EXITING | PF_KTHREAD)))
		return;
	s = READ_ONCE(mm->mof_mm);
	if (!s)
		return;
	if (atomic_read(&mm->mm_users) == 1) {
		nodes_clear(s->nodes_before);
		nodes_clear(s->nodes);
	}
	mof_note_node(s, nid);
	mof_request_rescan(s);
}

/* mof_new_thread(), in the automatic mode. */
void __mof_new_thread(struct mm_struct *mm)
{
	struct mof_mm *s = READ_ONCE(mm->mof_mm);

	if (s)
		mof_request_rescan(s);
}

static bool mof_ran_on(const struct mof_mm *s, int nid)
{
	return node_isset(nid, s->nodes) || node_isset(nid, s->nodes_before);
}

/*
 * The only node that threads run on, NUMA_NO_NODE if there are several. Tests
 * single bits: __mof_tick() of other threads sets them concurrently.
 */
static int mof_only_node(struct mof_mm *s)
{
	int nid, only = NUMA_NO_NODE;

	node_set(numa_node_id(), s->nodes);
	for_each_online_node(nid) {
		if (!mof_ran_on(s, nid))
			continue;
		if (only != NUMA_NO_NODE)
			return NUMA_NO_NODE;
		only = nid;
	}
	return only;
}

/*
 * Now and then, @nodes becomes @nodes_before. A bit that __mof_tick() of another
 * thread sets concurrently is in one of the two masks at all times.
 */
static void mof_forget_nodes(struct mof_mm *s)
{
	int nid;

	if (time_before(jiffies, s->rotate))
		return;
	for_each_online_node(nid) {
		if (node_isset(nid, s->nodes)) {
			node_set(nid, s->nodes_before);
			node_clear(nid, s->nodes);
		} else {
			node_clear(nid, s->nodes_before);
		}
	}
	s->rotate = jiffies + MOF_FORGET_NODE;
}

static bool mof_wants_full_pass(struct mof_mm *s)
{
	/* Pairs with mof_record(). */
	unsigned int misplaced = READ_ONCE(s->misplaced);
	unsigned int recorded = READ_ONCE(s->recorded);

	WRITE_ONCE(s->misplaced, 0);
	WRITE_ONCE(s->recorded, 0);
	if (s->idle_passes >= MOF_IDLE_PASSES)
		return false;
	/* Finish the current pass. */
	if (s->scan == MOF_SCAN_FULL && s->cursor)
		return true;
	/* A short pass takes few samples, perhaps all of one node: repeat it. */
	if (s->scan == MOF_SCAN_FULL && s->size <= MOF_FULL_QUOTA * MOF_PARTS &&
	    s->idle_passes < MOF_MIN_PASSES)
		return true;
	misplaced *= s->scan == MOF_SCAN_FULL ? MOF_FULL_AGAIN : MOF_FULL_START;
	/* Pairs with mof_request_rescan(). */
	return READ_ONCE(s->rescan) || (misplaced && misplaced >= recorded);
}

/* Does the current follow-up end here? */
static bool mof_follow_up_ends(const struct mof_mm *s)
{
	if (s->scan != MOF_SCAN_FOLLOW_UP)
		return false;
	/* Pairs with mof_request_rescan() and mof_sample_step(). */
	return (READ_ONCE(s->rescan) && s->idle_passes < MOF_IDLE_PASSES) ||
	       !time_before(jiffies, READ_ONCE(s->follow_up));
}

static enum mof_scan mof_choose_scan(struct mof_mm *s)
{
	if (mof_follow_up_ends(s))
		s->quota = 0;
	/* The last step could not take all of its samples. */
	if (s->quota)
		return s->scan;
	if (mof_wants_full_pass(s))
		return MOF_SCAN_FULL;
	return time_before(jiffies, READ_ONCE(s->follow_up)) ?
	       MOF_SCAN_FOLLOW_UP : MOF_SCAN_SPARSE;
}

static unsigned int mof_quota(const struct mof_mm *s, enum mof_scan scan)
{
	if (scan != MOF_SCAN_SPARSE)
		return s->quota ?: MOF_FULL_QUOTA;
	/* This step is for the candidates. Pairs with mof_add_candidate(). */
	if (READ_ONCE(s->nr_candidates))
		return 1;
	return mof_tuned(&mof_sparse_samples);
}

/* After a step: do full passes still make sense? */
static void mof_note_pass(struct mof_mm *s, const struct mof_step *step)
{
	unsigned int idle = s->idle_passes;

	/* Pairs with mof_sample_armed(). */
	if (step->armed || READ_ONCE(s->thp_armed))
		idle = 0;
	else if (step->scan == MOF_SCAN_FULL)
		idle += step->wrapped;
	else if (idle && s->period == mof_longest())
		idle--;
	WRITE_ONCE(s->idle_passes, idle);
	WRITE_ONCE(s->thp_armed, false);
}

/* Time of the next step. */
static unsigned long mof_next_step(struct mof_mm *s, const struct mof_step *step)
{
	unsigned long longest = mof_longest();

	/* Pairs with mof_add_candidate(). */
	WRITE_ONCE(s->min_period, mof_shortest());
	s->quota = 0;
	if (step->scan != MOF_SCAN_SPARSE && step->exhausted) {
		s->quota = step->quota;
		return jiffies + 1;
	}
	/* A move pays off after a few seconds: take a few samples per second. */
	if (step->scan == MOF_SCAN_FOLLOW_UP)
		longest = clamp(msecs_to_jiffies(400), mof_shortest(), longest);
	if (step->scan != MOF_SCAN_FULL && READ_ONCE(s->nr_candidates))
		return jiffies + mof_shortest();
	s->period = clamp(2 * s->period, mof_shortest(), longest);
	if (step->scan == MOF_SCAN_FULL)
		s->period = mof_shortest();
	return jiffies + s->period;
}

/*
 * Once there are some samples of each thread, let the scheduler sum up its
 * statistics and place tasks by them.
 */
static void mof_place_tasks(struct mm_struct *mm, struct mof_mm *s)
{
	/* A rule of thumb: threads may come and go concurrently. */
	int threads = data_race(get_nr_threads(current));

	/* Pairs with mof_learn(). */
	if (READ_ONCE(s->placed) < MOF_PLACEMENT * threads)
		return;
	WRITE_ONCE(s->placed, 0);
	WRITE_ONCE(mm->numa_scan_seq, READ_ONCE(mm->numa_scan_seq) + 1);
}

/* A full pass starts at the start of the address space. */
static void mof_set_scan(struct mof_mm *s, enum mof_scan scan)
{
	if (scan == MOF_SCAN_FULL && s->scan != MOF_SCAN_FULL) {
		s->cursor = 0;
		s->counted = 0;
	}
	/* Later requests get another pass. Pairs with mof_request_rescan(). */
	if (scan == MOF_SCAN_FULL && !s->cursor)
		WRITE_ONCE(s->rescan, false);
	s->scan = scan;
}

/* mmap_lock is held for writing. */
static void mof_retry_step(struct mof_mm *s, enum mof_scan scan)
{
	/* The pass has not started: restore what mof_set_scan() has cleared. */
	if (scan == MOF_SCAN_FULL && !s->cursor)
		WRITE_ONCE(s->rescan, true);
	WRITE_ONCE(s->next, jiffies + mof_shortest());
}

/*
 * A thread that the scheduler moves to another node may exit before moving its
 * memory pays off. If threads run on several nodes, it is unknown which one moves.
 */
static bool mof_is_too_young(int only_nid)
{
	/* Pairs with the tick. */
	return only_nid != NUMA_NO_NODE &&
	       READ_ONCE(current->se.sum_exec_runtime) < MOF_MIN_RUNTIME;
}

static void mof_make_step(struct mm_struct *mm, struct mof_mm *s)
{
	struct mof_step step = { .s = s };

	mof_forget_nodes(s);
	step.only_nid = mof_only_node(s);
	/* The next thread that ticks may be older. */
	if (mof_is_too_young(step.only_nid)) {
		WRITE_ONCE(s->next, jiffies + mof_shortest());
		return;
	}
	step.scan = mof_choose_scan(s);
	step.quota = mof_quota(s, step.scan);
	step.sparse = mof_tuned(&mof_sparse_samples);
	mof_set_scan(s, step.scan);
	if (!mof_sample_step(mm, &step)) {
		mof_retry_step(s, step.scan);
		return;
	}
	mof_note_pass(s, &step);
	mof_place_tasks(mm, s);
	/* Pairs with mof_request_rescan(): a concurrent request is a step late. */
	WRITE_ONCE(s->next, mof_next_step(s, &step));
}

/*
 * mof_work(), in the automatic mode. Each return sets the time of the next step or
 * leaves that to a thread that is making one; otherwise every tick would queue
 * this again.
 */
void __mof_work(struct mm_struct *mm)
{
	struct mof_mm *s = mof_mm_get(mm);

	if (!s) {
		/* Pairs with __mof_tick(). */
		WRITE_ONCE(current->node_stamp,
			   READ_ONCE(current->se.sum_exec_runtime) +
			   jiffies_to_nsecs(mof_longest()));
		return;
	}
	if (time_before(jiffies, READ_ONCE(s->next)))
		return;
	if (test_and_set_bit_lock(0, &s->busy))
		return;
	/* Another thread may have made the step, or the cpuset have changed. */
	if (!mof_has_choice())
		WRITE_ONCE(s->next, jiffies + mof_longest());
	else if (!time_before(jiffies, READ_ONCE(s->next)))
		mof_make_step(mm, s);
	clear_bit_unlock(0, &s->busy);
}

static int mof_tunable_get(void *data, u64 *value)
{
	*value = mof_tuned(data);
	return 0;
}

static int mof_tunable_set(void *data, u64 value)
{
	struct mof_tunable *t = data;

	if (value < t->min || value > t->max)
		return -EINVAL;
	/* Pairs with mof_tuned(). */
	WRITE_ONCE(t->value, value);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(mof_tunable_fops, mof_tunable_get, mof_tunable_set,
			 "%llu\n");

/* The scheduler makes sched/numa_balancing in a late_initcall. */
static int __init mof_debugfs_init(void)
{
	struct mof_tunable *all[] = {
		&mof_delay, &mof_period_min, &mof_period_max, &mof_sparse_samples,
	};
	struct dentry *sched = debugfs_lookup("sched", NULL), *dir;
	int i;

	if (IS_ERR_OR_NULL(sched))
		return 0;
	dir = debugfs_lookup("numa_balancing", sched);
	dput(sched);
	if (IS_ERR_OR_NULL(dir))
		return 0;
	for (i = 0; i < ARRAY_SIZE(all); i++)
		debugfs_create_file_unsafe(all[i]->name, 0644, dir, all[i],
					   &mof_tunable_fops);
	dput(dir);
	return 0;
}
late_initcall_sync(mof_debugfs_init);
