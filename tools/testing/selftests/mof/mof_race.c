// SPDX-License-Identifier: GPL-2.0
/*
 * Races: a thread is held in its touch of a marked page, at each point of each
 * path, while another thread changes the mapping. On kernels without hold
 * points, both start at the same time, in several rounds.
 */
#include <sys/mman.h>
#include <sys/wait.h>

#include "lib/auto.h"
#include "lib/race_test.h"

#ifndef MADV_COLD
#define MADV_COLD		20
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE	23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE		25
#endif

#define TOUCHERS	8

/* The pages behind the touched one, which itself must stay mapped. */
static struct area rest(const struct race *r)
{
	return area_part(&r->a, r->page + 1, r->a.pages - r->page - 1);
}

static int advise(const struct race *r, int advice)
{
	return madvise(r->a.base, area_bytes(&r->a), advice) ? -errno : 0;
}

/* fork(2) */

static int fork_and_look(struct race *r)
{
	struct area left = rest(r);
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(area_bad(&left) ? 1 : 0);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -ECHILD;
	return status ? -EFAULT : 0;
}

TEST_F(race, fork_gives_the_child_the_same_contents)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.run = fork_and_look,
	});
}

/* VMA operations: these wait for the touch */

static int unmap_rest(struct race *r)
{
	struct area left = rest(r);

	r->left = r->page + 1;
	return munmap(left.base, area_bytes(&left)) ? -errno : 0;
}

TEST_F(race, munmap_of_pages_beside_the_touched_one_leaves_that)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.run = unmap_rest,
	});
}

/* Move the mapping away and back. */
static int remap_rest(struct race *r)
{
	struct area left = rest(r), there;
	long bytes = area_bytes(&left);
	char *p;

	if (area_map(&there, left.pages))
		return -ENOMEM;
	p = mremap(left.base, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, there.base);
	if (p == MAP_FAILED)
		return -errno;
	p = mremap(p, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, left.base);
	return p == MAP_FAILED ? -errno : 0;
}

TEST_F(race, mremap_of_pages_beside_the_touched_one_keeps_contents)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.run = remap_rest,
	});
}

static int protect_rest(struct race *r)
{
	struct area left = rest(r);

	if (mprotect(left.base, area_bytes(&left), PROT_NONE) ||
	    mprotect(left.base, area_bytes(&left), PROT_READ | PROT_WRITE))
		return -errno;
	return 0;
}

TEST_F(race, mprotect_to_none_and_back_keeps_contents)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.run = protect_rest,
	});
}

static int lock_and_unlock(struct race *r)
{
	if (mlock(r->a.base, area_bytes(&r->a)))
		return -errno;
	return munlock(r->a.base, area_bytes(&r->a)) ? -errno : 0;
}

TEST_F(race, mlock_and_munlock_keep_contents)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.run = lock_and_unlock,
	});
}

/* madvise(2): these do not wait */

TEST_F(race, dontneed_leaves_zeroes_and_what_the_touch_has_written)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.run = race_drop, .after = RACE_DROPS,
	});
}

/* MADV_FREE: nothing is reclaimed, so all contents stay. */
static int free_lazily(struct race *r)
{
	return r->kind == RACE_SHARED ? 0 : advise(r, MADV_FREE);
}

TEST_F(race, madv_free_keeps_what_is_not_reclaimed)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.run = free_lazily,
	});
}

static int cool(struct race *r)
{
	return advise(r, MADV_COLD);
}

TEST_F(race, madv_cold_keeps_contents)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.run = cool,
	});
}

TEST_F(race, madv_pageout_keeps_contents)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.prepare = race_swap_prepare, .run = race_page_out,
		.finish = race_swap_finish,
		.moves = true,
	});
}

static int populate(struct race *r)
{
	return advise(r, MADV_POPULATE_WRITE);
}

TEST_F(race, populate_of_the_page_waits_for_it)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.run = populate,
	});
}

/* Base pages in a VMA with neither MADV_HUGEPAGE nor MADV_NOHUGEPAGE. */
static const char *collapse_prepare(struct race *r)
{
	const char *why = thp_missing();

	if (why || r->kind != RACE_SMALL)
		return why;
	area_free(&r->a);
	if (area_map_file(&r->a, extent_pages(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1) ||
	    area_place(&r->a, r->m->from))
		return "no memory";
	return NULL;
}

/* Collapse may be refused, as pages are busy. */
static int collapse(struct race *r)
{
	return advise(r, MADV_COLLAPSE);
}

TEST_F(race, collapse_keeps_contents)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.prepare = collapse_prepare, .run = collapse, .moves = true, .may_fail = true,
		.pages = extent_pages(),
	});
}

/* Placement */

static int mark_again(struct race *r)
{
	long err = mark(&r->a, MPOL_LOCAL, 0);

	area_read(&r->a);
	return err;
}

TEST_F(race, marking_again_keeps_contents)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.run = mark_again, .moves = true,
	});
}

TEST_F(race, eager_migration_back_keeps_contents)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.run = race_move_back, .moves = true,
	});
}

static int bind_back(struct race *r)
{
	return area_mbind(&r->a, MPOL_BIND, NODE_MASK(r->m->from), MPOL_MF_MOVE);
}

TEST_F(race, policy_of_the_area_set_by_another_thread_keeps_contents)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.run = bind_back, .moves = true,
	});
}

/* The other thread's policy, which does not apply to the touch. */
static int set_policy(struct race *r)
{
	int err = set_task_policy(MPOL_BIND, NODE_MASK(r->m->from));

	return err ? -errno : set_task_policy(MPOL_DEFAULT, 0);
}

TEST_F(race, task_policy_of_another_thread_changes_nothing)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.run = set_policy,
	});
}

/* Page table readers */

static int clear_bits(void)
{
	return write_text("/proc/self/clear_refs", "4");
}

/*
 * Clearing waits for the fault, but not for the write, which follows the fault:
 * record if clearing was first.
 */
static int clear_soft_dirty(struct race *r)
{
	int err = clear_bits();

	r->data = *race_stamp(r) == RACE_STAMP ? NULL : r;
	return err;
}

static const char *soft_dirty_prepare(struct race *r)
{
	if (page_entry(&r->a, 0) & PM_SOFT_DIRTY)
		return NULL;
	return "kernel without soft-dirty bits";
}

/* Writes after clearing set the bits, in the race and later. */
static int is_soft_dirty(struct race *r)
{
	if (r->data && !(page_entry(&r->a, r->page) & PM_SOFT_DIRTY))
		return -EIO;
	if (clear_bits() || area_with(&r->a, PM_SOFT_DIRTY))
		return -EBUSY;
	area_write(&r->a);
	return area_with(&r->a, PM_SOFT_DIRTY) == r->a.pages ? 0 : -EIO;
}

TEST_F(race, clear_refs_does_not_hide_the_write)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.prepare = soft_dirty_prepare, .run = clear_soft_dirty,
		.check = is_soft_dirty,
	});
}

/* Pages under migration count; the first ones are no longer marked. */
static int look_at_maps(struct race *r)
{
	long kb = area_smaps_kb(&r->a, "Rss");
	long hinted = area_hinted(&r->a);

	if (kb != area_bytes(&r->a) / 1024)
		return kb < 0 ? kb : -EFAULT;
	if (hinted < 0 || hinted > r->a.pages - r->page)
		return hinted < 0 ? hinted : -ERANGE;
	return 0;
}

TEST_F(race, smaps_counts_each_page_of_the_area)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.run = look_at_maps, .first = true,
	});
}

/* Other touching threads */

static void *touch_all(void *arg)
{
	area_read(arg);
	return NULL;
}

static int touch_from_many(struct race *r, int threads)
{
	pthread_t thread[TOUCHERS];
	int i, err = 0;

	for (i = 0; i < threads && !err; i++)
		err = -pthread_create(&thread[i], NULL, touch_all, &r->a);
	while (i--)
		pthread_join(thread[i], NULL);
	return err;
}

static int touch_from_one(struct race *r)
{
	return touch_from_many(r, 1);
}

static int touch_from_eight(struct race *r)
{
	return touch_from_many(r, TOUCHERS);
}

TEST_F(race, second_fault_finds_the_same_contents)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.run = touch_from_one, .moves = true,
	});
}

TEST_F(race, eight_more_faults_find_the_same_contents)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.run = touch_from_eight, .moves = true,
	});
}

/* The same paths, held at all other points */

FIXTURE(points)
{
	struct machine m;
	struct race r;
};

FIXTURE_VARIANT(points)
{
	struct race_path path;
};

FIXTURE_VARIANT_ADD(points, fault) {
	.path = { .kind = RACE_SMALL, .point = "fault",
		.window = DEFAULT_WINDOW, .needs_points = true },
};

FIXTURE_VARIANT_ADD(points, chosen) {
	.path = { .kind = RACE_SMALL, .point = "chosen",
		.window = DEFAULT_WINDOW, .needs_points = true },
};

FIXTURE_VARIANT_ADD(points, allocated) {
	.path = { .kind = RACE_SMALL, .point = "allocated",
		.window = DEFAULT_WINDOW, .needs_points = true },
};

FIXTURE_VARIANT_ADD(points, taken) {
	.path = { .kind = RACE_SMALL, .point = "taken",
		.window = DEFAULT_WINDOW, .settled = true,
		.needs_points = true },
};

FIXTURE_VARIANT_ADD(points, mapped) {
	.path = { .kind = RACE_SMALL, .point = "mapped",
		.window = DEFAULT_WINDOW, .settled = true,
		.needs_points = true },
};

FIXTURE_VARIANT_ADD(points, migrated) {
	.path = { .kind = RACE_SHARED, .point = "migrated",
		.window = DEFAULT_WINDOW, .settled = true,
		.needs_points = true },
};

FIXTURE_VARIANT_ADD(points, thp_target) {
	.path = { .kind = RACE_THP, .point = "target", .window = DEFAULT_WINDOW,
		.needs_points = true },
};

FIXTURE_SETUP(points)
{
	race_begin(_metadata, &self->r, &self->m, &variant->path);
}

FIXTURE_TEARDOWN_PARENT(points)
{
	race_end(&self->r);
}

TEST_F(points, dontneed_leaves_zeroes_and_what_the_touch_has_written)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.run = race_drop, .after = RACE_DROPS,
	});
}

static int page_out_and_in(struct race *r)
{
	int err = race_page_out(r);

	area_read(&r->a);
	return err;
}

TEST_F(points, swapping_out_and_in_keeps_contents)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.prepare = race_swap_prepare, .run = page_out_and_in,
		.finish = race_swap_finish, .moves = true,
	});
}

static int touch_from_there(struct race *r)
{
	int err = run_on(r->m->to);

	area_write(&r->a);
	return err;
}

TEST_F(points, second_fault_that_comes_first_loses_nothing)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.run = touch_from_there, .moves = true,
	});
}

static int mark_and_touch(struct race *r)
{
	long err = mark(&r->a, MPOL_LOCAL, 0);

	area_write(&r->a);
	return err;
}

TEST_F(points, marking_and_touching_again_keeps_contents)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.run = mark_and_touch, .moves = true,
	});
}

TEST_F(points, eager_migration_back_keeps_contents)
{
	race_with(_metadata, &self->r, &(struct race_op) {
		.run = race_move_back, .moves = true,
	});
}

#include "lib/main.h"
