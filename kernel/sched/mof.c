// SPDX-License-Identifier: GPL-2.0
/*
 * Migrate-on-fault: the pacing of the automatic mode. When is an address space
 * looked at, and how closely? See Documentation/mm/mof.rst.
 *
 * The tick of a thread that has run for a while asks for a step, as task work.
 * The step comes at a gait:
 *
 *   hurry   all extents, one after the other, a quota in each period. When
 *	     threads have come to other nodes; when a quarter of the samples is
 *	     misplaced.
 *   watch   extents that were armed lately, to see whether their move pays; and
 *	     a few others, as at rest.
 *   rest    a few extents, scattered over all memory.
 *
 * Steps are a minimal period apart while there is reason to hurry; without, the
 * period doubles up to a maximum. Passes that arm nothing are no longer hurried
 * after some in a row: memory that several nodes share is misplaced for ever.
 *
 * A process whose threads all run on one node is known to use its memory from
 * there: then nothing is marked to learn that.
 */
#include <linux/cpuset.h>
#include <linux/debugfs.h>
#include <linux/mof_balance.h>
#include <linux/nodemask.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/task_work.h>
#include <linux/topology.h>

#include "mof.h"

#define MOF_QUOTA_HURRY	256		/* samples in a period */
#define MOF_MISPLACED	4		/* hurry if one sample of so many is */
#define MOF_STILL	16		/* or still is, once in a hurry */
#define MOF_IDLE_PASSES	8		/* hurried passes that arm nothing */
#define MOF_SURE_PASSES	4		/* so many at least, if they are short */
#define MOF_FORGET_NODE	(10 * HZ)	/* a node without threads */
#define MOF_PLACEMENT	16		/* samples a thread, to place tasks */
#define MOF_GROWN	NSEC_PER_SEC		/* that a thread has run for */

/**
 * struct mof_tunable - a file in debugfs
 * @name: its name
 * @value: what it holds
 * @min: smallest value that it takes
 * @max: largest
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

static struct mof_tunable mof_rest_samples = {
	"lazy_rest_samples", 2, 1, MOF_QUOTA_HURRY,
};

static unsigned int mof_tuned(const struct mof_tunable *t)
{
	/* Partner: mof_tunable_set(). */
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

/* Is there more than one node to put the memory of this task on? */
static bool mof_has_choice(void)
{
	return num_node_state(N_MEMORY) > 1 &&
	       nodes_weight(cpuset_current_mems_allowed) > 1;
}

/* All of the memory is to be looked at soon. */
static void mof_event(struct mof_mm *s)
{
	/* Partner: __mof_work(), for both. */
	WRITE_ONCE(s->event, true);
	if (READ_ONCE(s->idle_passes) < MOF_IDLE_PASSES)
		WRITE_ONCE(s->next, jiffies);
}

/* mof_tick(), in the automatic mode. */
void __mof_tick(struct task_struct *p)
{
	int nid = numa_node_id();
	struct mof_mm *s;

	/* Another CPU ticks for one without ticks: there @p may be exiting. */
	if (p != current)
		return;
	/* Partner: mof_mm_get(). */
	s = READ_ONCE(p->mm->mof_mm);
	if (!s) {
		/* Pairs with the failed allocation in __mof_work(). */
		if (p->se.sum_exec_runtime <
		    max((u64)mof_tuned(&mof_delay) * NSEC_PER_MSEC,
			READ_ONCE(p->node_stamp)))
			return;
	} else {
		if (mof_note_node(s, nid))
			mof_event(s);
		/* Partner: __mof_work(). */
		if (time_before(jiffies, READ_ONCE(s->next)))
			return;
	}
	/*
	 * User workers do not come by the user's side of the kernel. What they are
	 * does not change, other flags of the task that was interrupted may.
	 */
	if (mof_has_choice() && !data_race(p->flags & PF_USER_WORKER))
		task_work_add(p, &p->numa_work, TWA_RESUME);
}

/*
 * mof_node_changed(), in the automatic mode. As @p is not running, its mm stays,
 * and as it uses that, so does what is kept for it.
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
	mof_event(s);
}

/* mof_new_thread(), in the automatic mode. */
void __mof_new_thread(struct mm_struct *mm)
{
	struct mof_mm *s = READ_ONCE(mm->mof_mm);

	if (s)
		mof_event(s);
}

static bool mof_ran_on(const struct mof_mm *s, int nid)
{
	return node_isset(nid, s->nodes) || node_isset(nid, s->nodes_before);
}

/*
 * The node that all threads run on, NUMA_NO_NODE if there are several. Asks bit
 * by bit, as the partner, __mof_tick() of other threads, sets them.
 */
static int mof_home(struct mof_mm *s)
{
	int nid, home = NUMA_NO_NODE;

	node_set(numa_node_id(), s->nodes);
	for_each_online_node(nid) {
		if (!mof_ran_on(s, nid))
			continue;
		if (home != NUMA_NO_NODE)
			return NUMA_NO_NODE;
		home = nid;
	}
	return home;
}

/*
 * From time to time, @nodes becomes @nodes_before. Partner: __mof_tick() of other
 * threads. What that sets meanwhile is in one of the two masks at all times.
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

static bool mof_in_hurry(struct mof_mm *s)
{
	/* Partner: mof_hear(). */
	unsigned int misplaced = READ_ONCE(s->misplaced);
	unsigned int heard = READ_ONCE(s->heard);

	WRITE_ONCE(s->misplaced, 0);
	WRITE_ONCE(s->heard, 0);
	if (s->idle_passes >= MOF_IDLE_PASSES)
		return false;
	/* A pass that was begun is made to its end. */
	if (s->gait == MOF_HURRY && s->cursor)
		return true;
	/* A few samples may all be of one of the owners. */
	if (s->gait == MOF_HURRY && s->size <= MOF_QUOTA_HURRY * MOF_PARTS &&
	    s->idle_passes < MOF_SURE_PASSES)
		return true;
	misplaced *= s->gait == MOF_HURRY ? MOF_STILL : MOF_MISPLACED;
	/* Partner: mof_event(). */
	return READ_ONCE(s->event) || (misplaced && misplaced >= heard);
}

/* Has something else to be done than to go on watching? */
static bool mof_is_overtaken(const struct mof_mm *s)
{
	if (s->gait != MOF_WATCH)
		return false;
	/* Partners: mof_event(), mof_sample_step(). */
	return (READ_ONCE(s->event) && s->idle_passes < MOF_IDLE_PASSES) ||
	       !time_before(jiffies, READ_ONCE(s->watch));
}

static enum mof_gait mof_gait(struct mof_mm *s)
{
	if (mof_is_overtaken(s))
		s->quota = 0;
	/* The last step has had no time for all that it was to do. */
	if (s->quota)
		return s->gait;
	if (mof_in_hurry(s))
		return MOF_HURRY;
	return time_before(jiffies, READ_ONCE(s->watch)) ? MOF_WATCH : MOF_REST;
}

static unsigned int mof_quota(const struct mof_mm *s, enum mof_gait gait)
{
	if (gait != MOF_REST)
		return s->quota ?: MOF_QUOTA_HURRY;
	/* This step is for the suspects. Partner: mof_suspect(). */
	if (READ_ONCE(s->nr_suspects))
		return 1;
	return mof_tuned(&mof_rest_samples);
}

/* After a step: does it still make sense to hurry? */
static void mof_note_pass(struct mof_mm *s, const struct mof_step *step)
{
	unsigned int idle = s->idle_passes;

	/* Partner: mof_sample_armed(). */
	if (step->armed || READ_ONCE(s->thp_armed))
		idle = 0;
	else if (step->gait == MOF_HURRY)
		idle += step->wrapped;
	else if (idle && s->period == mof_longest())
		idle--;
	WRITE_ONCE(s->idle_passes, idle);
	WRITE_ONCE(s->thp_armed, false);
}

/* The time of the next step. */
static unsigned long mof_pace(struct mof_mm *s, const struct mof_step *step)
{
	unsigned long longest = mof_longest();

	/* Partner: mof_suspect(). */
	WRITE_ONCE(s->soon, mof_shortest());
	s->quota = 0;
	if (step->gait != MOF_REST && step->exhausted) {
		s->quota = step->quota;
		return jiffies + 1;
	}
	/* Moves pay after a few seconds: that takes a few samples a second. */
	if (step->gait == MOF_WATCH)
		longest = clamp(msecs_to_jiffies(400), mof_shortest(), longest);
	if (step->gait != MOF_HURRY && READ_ONCE(s->nr_suspects))
		return jiffies + mof_shortest();
	s->period = clamp(2 * s->period, mof_shortest(), longest);
	if (step->gait == MOF_HURRY)
		s->period = mof_shortest();
	return jiffies + s->period;
}

/*
 * Have the scheduler sum up its statistics, and place tasks by them: once there
 * are some samples of each thread.
 */
static void mof_place_tasks(struct mm_struct *mm, struct mof_mm *s)
{
	/* Threads may come and go: it is a rule of thumb. */
	int threads = data_race(get_nr_threads(current));

	/* Partner: mof_learn(). */
	if (READ_ONCE(s->placed) < MOF_PLACEMENT * threads)
		return;
	WRITE_ONCE(s->placed, 0);
	WRITE_ONCE(mm->numa_scan_seq, READ_ONCE(mm->numa_scan_seq) + 1);
}

/* A hurried pass is about all of the memory, from its start on. */
static void mof_set_gait(struct mof_mm *s, enum mof_gait gait)
{
	if (gait == MOF_HURRY && s->gait != MOF_HURRY) {
		s->cursor = 0;
		s->counted = 0;
	}
	/* Who comes from here on has a pass of his own. Partner: mof_event(). */
	if (gait == MOF_HURRY && !s->cursor)
		WRITE_ONCE(s->event, false);
	s->gait = gait;
}

/* Somebody is changing the address space. */
static void mof_try_again(struct mof_mm *s, enum mof_gait gait)
{
	/* The pass was to begin: mof_set_gait() has taken the event. */
	if (gait == MOF_HURRY && !s->cursor)
		WRITE_ONCE(s->event, true);
	WRITE_ONCE(s->next, jiffies + mof_shortest());
}

/*
 * A thread that the scheduler sends to another node may be over before its memory
 * pays for the way. Where there are several nodes, it is not known who moves.
 */
static bool mof_is_early(int home)
{
	/* Partner: the tick. */
	return home != NUMA_NO_NODE &&
	       READ_ONCE(current->se.sum_exec_runtime) < MOF_GROWN;
}

static void mof_make_step(struct mm_struct *mm, struct mof_mm *s)
{
	struct mof_step step = { .s = s };

	mof_forget_nodes(s);
	step.home = mof_home(s);
	/* The next thread that ticks may be older. */
	if (mof_is_early(step.home)) {
		WRITE_ONCE(s->next, jiffies + mof_shortest());
		return;
	}
	step.gait = mof_gait(s);
	step.quota = mof_quota(s, step.gait);
	step.rest = mof_tuned(&mof_rest_samples);
	mof_set_gait(s, step.gait);
	if (!mof_sample_step(mm, &step)) {
		mof_try_again(s, step.gait);
		return;
	}
	mof_note_pass(s, &step);
	mof_place_tasks(mm, s);
	/* Partner: mof_event(). What it asks for meanwhile comes a step later. */
	WRITE_ONCE(s->next, mof_pace(s, &step));
}

/*
 * mof_work(), in the automatic mode. Each return sets the time of the next step,
 * or leaves that to the thread that makes one now: else every tick would come
 * back here.
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
	/* Another thread may have been faster, or the cpuset have changed. */
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
	/* Partner: mof_tuned(). */
	WRITE_ONCE(t->value, value);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(mof_tunable_fops, mof_tunable_get, mof_tunable_set,
			 "%llu\n");

/**
 * mof_debugfs() - make the files of the tunables
 * @dir: sched/numa_balancing
 *
 * Context: boot.
 */
void __init mof_debugfs(struct dentry *dir)
{
	struct mof_tunable *all[] = {
		&mof_delay, &mof_period_min, &mof_period_max, &mof_rest_samples,
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(all); i++)
		debugfs_create_file_unsafe(all[i]->name, 0644, dir, all[i],
					   &mof_tunable_fops);
}
