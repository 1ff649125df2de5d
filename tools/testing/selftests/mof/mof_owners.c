// SPDX-License-Identifier: GPL-2.0
/*
 * A heap whose objects belong alternately to threads on two nodes: each thread
 * gets its own objects to its node, with the default vm.mof_window_pages.
 */
#include <pthread.h>
#include <time.h>

#include "lib/test.h"
#include "lib/auto.h"

#define HEAP_BYTES	(64L << 20)	/* at most */
#define MOST_OBJECTS	200L
#define LOCAL_PERCENT	97	/* minimum of each owner's pages that are local */
#define MOST_PERCENT	75	/* of the extents that the automatic mode must migrate */
#define SETTLE_SECONDS	60	/* limit for MOST_PERCENT */
#define NAP		200000	/* microseconds */

/**
 * struct heap - adjacent objects of the same size
 * @a:		memory of all objects
 * @objects:	number of objects
 * @pages:	pages of each object
 * @barrier:	for both owners
 * @stop:	tells owners that sweep in a loop to stop
 */
struct heap {
	struct area a;
	long objects;
	long pages;
	pthread_barrier_t barrier;
	bool stop;
};

/**
 * struct owner - a thread that owns every other object
 * @h:		the heap
 * @node:	where the thread runs
 * @first:	index of its first object, 0 or 1
 * @err:	0, or a negative errno if the thread could not run there
 */
struct owner {
	struct heap *h;
	int node;
	long first;
	int err;
	pthread_t thread;
};

static struct area object_of(const struct heap *h, long object)
{
	return area_part(&h->a, object * h->pages, h->pages);
}

static void sweep_object(const struct owner *o, long object)
{
	struct area pages = object_of(o->h, object);

	area_write(&pages);
}

static void sweep_all(const struct owner *o)
{
	long object;

	for (object = o->first; object < o->h->objects; object += 2)
		sweep_object(o, object);
}

/* One object at a time: its owner sweeps, the other owner waits. */
static void *sweep_by_turns(void *arg)
{
	struct owner *o = arg;
	long object;

	o->err = run_on(o->node);
	for (object = 0; object < o->h->objects; object++) {
		pthread_barrier_wait(&o->h->barrier);
		if (object % 2 == o->first)
			sweep_object(o, object);
	}
	return NULL;
}

static void *sweep_once(void *arg)
{
	struct owner *o = arg;

	o->err = run_on(o->node);
	pthread_barrier_wait(&o->h->barrier);
	sweep_all(o);
	return NULL;
}

static void *sweep_always(void *arg)
{
	struct owner *o = arg;

	o->err = run_on(o->node);
	while (!__atomic_load_n(&o->h->stop, __ATOMIC_RELAXED))
		sweep_all(o);
	/* No owner marks any more: the last sweep consumes all marks. */
	pthread_barrier_wait(&o->h->barrier);
	sweep_all(o);
	return NULL;
}

static struct area extent_of(const struct heap *h, long extent)
{
	long first = extent * extent_pages();
	long left = h->a.pages - first;

	return area_part(&h->a, first, left < extent_pages() ? left : extent_pages());
}

static long heap_extents(const struct heap *h)
{
	return (h->a.pages + extent_pages() - 1) / extent_pages();
}

/* Have pages of the extent moved to @node? */
static bool has_moved(const struct heap *h, long extent, int node)
{
	struct area pages = extent_of(h, extent);

	return area_on(&pages, node) > 0;
}

/* Does page @page of the heap belong to the owner? */
static bool is_owned(const struct owner *o, long page)
{
	return page / o->h->pages % 2 == o->first;
}

FIXTURE(owners)
{
	struct machine m;
	struct heap h;
	struct owner owner[2];
	struct stats before;
	struct stats d;
};

FIXTURE_VARIANT(owners)
{
	long kib;		/* of each object */
};

FIXTURE_VARIANT_ADD(owners, of_64_kib) {
	.kib = 64,
};

FIXTURE_VARIANT_ADD(owners, of_96_kib) {
	.kib = 96,
};

FIXTURE_VARIANT_ADD(owners, of_128_kib) {
	.kib = 128,
};

FIXTURE_VARIANT_ADD(owners, of_192_kib) {
	.kib = 192,
};

FIXTURE_VARIANT_ADD(owners, of_256_kib) {
	.kib = 256,
};

FIXTURE_VARIANT_ADD(owners, of_384_kib) {
	.kib = 384,
};

FIXTURE_VARIANT_ADD(owners, of_512_kib) {
	.kib = 512,
};

FIXTURE_VARIANT_ADD(owners, of_768_kib) {
	.kib = 768,
};

/* Map and fill the heap from one thread, on m.from. */
static int heap_new(struct heap *h, long kib, int node)
{
	long extents, filled;
	int err;

	h->pages = kib * 1024 / page_size() ? : 1;
	h->objects = HEAP_BYTES / (h->pages * page_size());
	if (h->objects > MOST_OBJECTS)
		h->objects = MOST_OBJECTS;
	/*
	 * Fill whole extents: the automatic mode must not find parts of other
	 * VMAs in them, nor pages without an owner.
	 */
	for (filled = h->objects; filled * h->pages % extent_pages(); filled--)
		;
	if (filled)
		h->objects = filled;
	extents = (h->objects * h->pages + extent_pages() - 1) / extent_pages();
	err = nodes_hold(MOST_EXTENTS * extent_pages() * page_size()) ?
	      area_new_extents(&h->a, extents, node) :
	      area_new(&h->a, h->objects * h->pages, node);
	h->a.pages = h->objects * h->pages;
	pthread_barrier_init(&h->barrier, NULL, 2);
	return err;
}

FIXTURE_SETUP(owners)
{
	const char *why = machine_setup_lazy(&self->m);
	int i;

	if (!why && !nodes_hold(4 * HEAP_BYTES))
		why = "needs more memory on each node";
	SKIP_SETUP(return, &self->m, why);
	ASSERT_EQ(0, run_on(self->m.from));
	ASSERT_EQ(0, heap_new(&self->h, variant->kib, self->m.from));
	for (i = 0; i < 2; i++)
		self->owner[i] = (struct owner) {
			.h = &self->h, .first = i,
			.node = i ? self->m.to : self->m.from,
		};
	ASSERT_EQ(0, stats_read(&self->before));
}

FIXTURE_TEARDOWN_PARENT(owners)
{
	machine_restore(&self->m);
}

/* Start both owners and wait for them to end. */
static int owners_run(struct owner *owner, void *(*run)(void *))
{
	int err;

	err = -pthread_create(&owner[0].thread, NULL, run, &owner[0]);
	if (err)
		return err;
	err = -pthread_create(&owner[1].thread, NULL, run, &owner[1]);
	if (err)
		return err;
	pthread_join(owner[0].thread, NULL);
	pthread_join(owner[1].thread, NULL);
	return owner[0].err ? : owner[1].err;
}

/* Count the owner's pages in an extent, and those of them on its node. */
static void count_extent(const struct owner *o, long extent, long *owned, long *local)
{
	struct area pages = extent_of(o->h, extent);
	long i;

	for (i = 0; i < pages.pages; i++) {
		if (!is_owned(o, extent * extent_pages() + i))
			continue;
		++*owned;
		*local += page_node(&pages, i) == o->node;
	}
}

/* Only extents with pages on m.to count: they have been moved. */
static void check_owners(struct __test_metadata *_metadata,
			 const struct _test_data_owners *self)
{
	const struct heap *h = &self->h;
	const struct owner *o;

	for (o = self->owner; o < self->owner + 2; o++) {
		long extent, owned = 0, local = 0;

		for (extent = 0; extent < heap_extents(h); extent++)
			if (has_moved(h, extent, self->m.to))
				count_extent(o, extent, &owned, &local);
		EXPECT_LT(0, owned);
		EXPECT_LE(owned * LOCAL_PERCENT / 100, local)
			TH_LOG("owner on node %d has %ld of %ld pages", o->node, local,
			       owned);
	}
	EXPECT_EQ(0, area_hinted(&h->a));
	EXPECT_EQ(0, area_bad(&h->a));
}

static long extents_moved(const struct heap *h, int node)
{
	long extent, moved = 0;

	for (extent = 0; extent < heap_extents(h); extent++)
		moved += has_moved(h, extent, node);
	return moved;
}

static void sweep_marked(struct __test_metadata *_metadata,
			 struct _test_data_owners *self, void *(*run)(void *))
{
	ASSERT_EQ(0, mark(&self->h.a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, owners_run(self->owner, run));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(self->h.a.pages, self->d.v[MOF_MARKED]);
	EXPECT_EQ(heap_extents(&self->h), extents_moved(&self->h, self->m.to));
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	check_owners(_metadata, self);
}

TEST_F(owners, sweeping_marked_objects_by_turns_get_their_own)
{
	sweep_marked(_metadata, self, sweep_by_turns);
}

TEST_F(owners, sweeping_marked_objects_at_once_get_their_own)
{
	sweep_marked(_metadata, self, sweep_once);
}

/*
 * Wait until most extents have moved. Samples are random: those of an extent may
 * all be of pages in place for a long time, and do not arm it.
 */
static bool heap_settles(const struct heap *h, int node)
{
	time_t end = time(NULL) + SETTLE_SECONDS;

	while (extents_moved(h, node) < heap_extents(h) * MOST_PERCENT / 100) {
		if (time(NULL) > end)
			return false;
		usleep(NAP);
	}
	return true;
}

TEST_F(owners, sweeping_again_and_again_get_their_own_in_the_automatic_mode)
{
	struct owner *owner = self->owner;
	int i;

	if (!have_automatic())
		SKIP(return, NO_AUTOMATIC);
	if (!nodes_hold(MOST_EXTENTS * extent_pages() * page_size()))
		SKIP(return, TOO_LARGE);
	ASSERT_EQ(0, write_long(BALANCING, 4));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&owner[i].thread, NULL, sweep_always,
					    &owner[i]));
	EXPECT_TRUE(heap_settles(&self->h, self->m.to));
	ASSERT_EQ(0, write_long(BALANCING, 0));
	__atomic_store_n(&self->h.stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++) {
		pthread_join(owner[i].thread, NULL);
		EXPECT_EQ(0, owner[i].err);
	}
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	TH_LOG("%ld samples, %ld times armed, %ld pages migrated",
	       self->d.v[MOF_SAMPLES], self->d.v[MOF_ARMED], self->d.v[MOF_MIGRATED]);
	EXPECT_LT(0, self->d.v[MOF_ARMED]);
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	check_owners(_metadata, self);
}

#include "lib/main.h"
