// SPDX-License-Identifier: GPL-2.0
/*
 * Migrate-on-fault: hold points, where race tests make a thread wait. Each is a
 * file in debugfs, mof/points/. See Documentation/mm/mof.rst.
 */
#include <linux/atomic.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#include "points.h"

/* Limits of a hold */
#define MOF_HOLD_MAX_US		(20 * USEC_PER_SEC)
#define MOF_HOLD_ATOMIC_MAX_US	(2 * USEC_PER_SEC)

/**
 * struct mof_hold - setting of a hold point
 * @usecs: length of a hold; 0: no hold
 * @times: number of threads still to hold; -1: all
 * @pid: thread, or process, to hold; 0: any
 * @round: changes when the file is written to, which ends all holds
 * @hits: number of threads held since then
 * @waiting: number of threads held now
 * @sleeps: threads may sleep here
 * @released: their wait queue
 */
struct mof_hold {
	unsigned int usecs;
	atomic_t times;
	pid_t pid;
	unsigned int round;
	atomic_t hits;
	atomic_t waiting;
	bool sleeps;
	wait_queue_head_t released;
};

static struct mof_hold mof_holds[MOF_NR_POINTS] = {
#define MOF_POINT_HOLD(NAME, name, may_sleep) \
	[MOF_POINT_##NAME] = { .sleeps = may_sleep },
	MOF_POINTS(MOF_POINT_HOLD)
};

static const char * const mof_point_names[MOF_NR_POINTS] = {
#define MOF_POINT_NAME(NAME, name, sleeps) \
	[MOF_POINT_##NAME] = #name,
	MOF_POINTS(MOF_POINT_NAME)
};

/* Number of points in use */
DEFINE_STATIC_KEY_FALSE(mof_points_key);

/* Serialises debugfs writers. */
static DEFINE_MUTEX(mof_points_lock);

/* Hold the current thread? Counts down @times. */
static bool mof_hold_takes(struct mof_hold *h)
{
	pid_t pid = READ_ONCE(h->pid);

	if (!READ_ONCE(h->usecs))
		return false;
	if (pid && pid != task_pid_nr(current) && pid != task_tgid_nr(current))
		return false;
	return atomic_read(&h->times) < 0 ||
	       atomic_dec_if_positive(&h->times) >= 0;
}

static void mof_hold_spin(struct mof_hold *h, unsigned int round)
{
	unsigned int usecs = min(READ_ONCE(h->usecs), MOF_HOLD_ATOMIC_MAX_US);
	ktime_t end = ktime_add_us(ktime_get(), usecs);

	while (READ_ONCE(h->round) == round && ktime_before(ktime_get(), end))
		udelay(1);
}

/* mof_point(), if any point is in use. */
void __mof_point(enum mof_point point)
{
	struct mof_hold *h = &mof_holds[point];
	/* Pairs with mof_hold_set(). */
	unsigned int round = READ_ONCE(h->round);

	if (!mof_hold_takes(h))
		return;
	atomic_inc(&h->hits);
	atomic_inc(&h->waiting);
	if (h->sleeps)
		wait_event_timeout(h->released, READ_ONCE(h->round) != round,
				   usecs_to_jiffies(READ_ONCE(h->usecs)));
	else
		mof_hold_spin(h, round);
	atomic_dec(&h->waiting);
}

/* Release all held threads, then apply the new setting. */
static void mof_hold_set(struct mof_hold *h, unsigned int usecs, int times,
			 pid_t pid)
{
	bool was_set, set = usecs;

	mutex_lock(&mof_points_lock);
	was_set = h->usecs;
	/* Pairs with mof_hold_takes(). */
	WRITE_ONCE(h->usecs, 0);
	WRITE_ONCE(h->pid, pid);
	atomic_set(&h->times, times);
	atomic_set(&h->hits, 0);
	/* Pairs with __mof_point() and mof_hold_spin(). */
	WRITE_ONCE(h->round, h->round + 1);
	wake_up_all(&h->released);
	WRITE_ONCE(h->usecs, usecs);
	if (set && !was_set)
		static_branch_inc(&mof_points_key);
	else if (!set && was_set)
		static_branch_dec(&mof_points_key);
	mutex_unlock(&mof_points_lock);
}

static int mof_point_show(struct seq_file *m, void *unused)
{
	struct mof_hold *h = m->private;

	seq_printf(m, "usecs %u times %d pid %d hits %d waiting %d\n",
		   READ_ONCE(h->usecs), atomic_read(&h->times),
		   READ_ONCE(h->pid), atomic_read(&h->hits),
		   atomic_read(&h->waiting));
	return 0;
}

static ssize_t mof_point_write(struct file *file, const char __user *text,
			       size_t len, loff_t *pos)
{
	struct seq_file *m = file->private_data;
	unsigned int usecs;
	int times = -1, pid = 0;
	char buf[48] = {};

	if (len >= sizeof(buf))
		return -EINVAL;
	if (copy_from_user(buf, text, len))
		return -EFAULT;
	if (sscanf(buf, "%u %d %d", &usecs, &times, &pid) < 1 ||
	    usecs > MOF_HOLD_MAX_US || times < -1 || pid < 0)
		return -EINVAL;
	mof_hold_set(m->private, usecs, times, pid);
	return len;
}
DEFINE_SHOW_STORE_ATTRIBUTE(mof_point);

static int __init mof_points_init(void)
{
	struct dentry *dir = debugfs_create_dir("mof", NULL);
	int i;

	dir = debugfs_create_dir("points", dir);
	for (i = 0; i < MOF_NR_POINTS; i++) {
		init_waitqueue_head(&mof_holds[i].released);
		debugfs_create_file(mof_point_names[i], 0600, dir,
				    &mof_holds[i], &mof_point_fops);
	}
	return 0;
}
late_initcall(mof_points_init);
