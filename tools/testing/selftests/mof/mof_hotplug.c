// SPDX-License-Identifier: GPL-2.0
/*
 * CPU and memory hotplug while memory is marked; and ZONE_MOVABLE, whose memory
 * can be removed, unless it is pinned.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "lib/test.h"

#define BLOCKS		"/sys/devices/system/memory/"
#define MAX_BLOCKS	64
#define FEW_TRIES	3	/* to find out whether a block can go offline */
#define MANY_TRIES	50	/* for blocks that can */

/* CPU hotplug */

TEST_F(lazy, touches_after_the_cpus_of_the_node_went_down_go_to_the_new_node)
{
	struct area last = area_part(&self->a, AREA_PAGES / 2, AREA_PAGES / 2);
	int node;

	if (!cpus_can_go(self->m.to))
		SKIP(return, "kernel without CPU hotplug, or only CPU 0");
	ASSERT_EQ(0, mark(&self->a, MPOL_LOCAL, 0));
	ASSERT_EQ(0, run_on(self->m.to));
	area_read(&last);
	EXPECT_EQ(last.pages, area_on(&last, self->m.to));
	ASSERT_EQ(0, node_cpus_set(self->m.to, false));
	node = my_node();
	EXPECT_NE(self->m.to, node);
	area_write(&self->a);
	EXPECT_EQ(node, my_node());
	EXPECT_EQ(last.pages, area_on(&last, self->m.to));
	/* A node without memory: pages go to one of the nearest. */
	if (!(memory_nodes() & 1UL << node))
		node = page_node(&self->a, 0);
	EXPECT_LE(AREA_PAGES - last.pages, area_on(&self->a, node));
	EXPECT_EQ(0, area_hinted(&self->a));
	node_cpus_set(self->m.to, true);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, area_bad(&self->a));
}

static int cpus_down_and_up(const struct crew *c, long i)
{
	int err = node_cpus_set(c->m->to, false);

	return node_cpus_set(c->m->to, true) ? : err;
}

TEST_F(lazy, cpus_that_go_down_and_up_beside_marks_and_writers_lose_no_write)
{
	struct crew c = {
		.a = &self->a, .m = &self->m, .op = cpus_down_and_up, .times = 4,
	};

	if (!cpus_can_go(self->m.to))
		SKIP(return, "kernel without CPU hotplug, or only CPU 0");
	ASSERT_EQ(0, crew_run(&c));
	EXPECT_EQ(0, c.lost);
	EXPECT_EQ(0, c.refused);
	area_read(&self->a);
	EXPECT_EQ(0, area_hinted(&self->a));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, area_bad(&self->a));
}

/* Memory hotplug: only blocks of ZONE_MOVABLE can go offline. */

/**
 * struct blocks - memory blocks
 * @nr:	number of blocks
 * @id:	their numbers
 */
struct blocks {
	int nr;
	int id[MAX_BLOCKS];
};

static bool block_says(int block, const char *file, const char *word)
{
	char path[80], text[64] = "";
	int fd;

	snprintf(path, sizeof(path), BLOCKS "memory%d/%s", block, file);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return false;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	return !strncmp(text, word, strlen(word));
}

static int block_set(int block, const char *state)
{
	char path[80];

	snprintf(path, sizeof(path), BLOCKS "memory%d/state", block);
	return write_text(path, state);
}

/* A page in use makes offlining fail for a moment, so retry. */
static int block_offline(int block, int tries)
{
	int try, err = -EAGAIN;

	for (try = 0; try < tries && err; try++) {
		if (try)
			usleep(100000);
		err = block_set(block, "offline");
	}
	return err;
}

/* Take as many blocks offline as possible, and leave only these in @b. */
static int blocks_offline(struct blocks *b, int tries)
{
	int i, gone = 0;

	for (i = 0; i < b->nr; i++)
		if (!block_offline(b->id[i], tries))
			b->id[gone++] = b->id[i];
	b->nr = gone;
	return gone ? 0 : -EBUSY;
}

/* Bring blocks online, in ZONE_MOVABLE again. */
static int blocks_online(const struct blocks *b)
{
	int i, err = 0;

	for (i = 0; i < b->nr; i++)
		err = block_set(b->id[i], "online_movable") ? : err;
	return err;
}

/*
 * Blocks of @node that can go offline: those with movable memory that have gone
 * offline once. The last block of a node may hold early allocations of the
 * kernel.
 */
static struct blocks movable_blocks(int node)
{
	struct blocks b = { 0 };
	struct dirent *entry;
	char path[80];
	DIR *dir;
	int id;

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%d", node);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (sscanf(entry->d_name, "memory%d", &id) == 1 && b.nr < MAX_BLOCKS &&
		    block_says(id, "state", "online") &&
		    block_says(id, "valid_zones", "Movable"))
			b.id[b.nr++] = id;
	if (dir)
		closedir(dir);
	blocks_offline(&b, FEW_TRIES);
	blocks_online(&b);
	return b;
}

static long block_pages(void)
{
	char text[32] = "";
	int fd = open(BLOCKS "block_size_bytes", O_RDONLY);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		text[0] = '\0';
	close(fd);
	return strtol(text, NULL, 16) / page_size();
}

/* Number of pages of the area that are in one of the blocks. */
static long area_in(const struct area *a, const struct blocks *b)
{
	long pages = block_pages(), found = 0;
	long i, pfn;
	int k;

	for (i = 0; i < a->pages; i++) {
		pfn = page_pfn(a, i);
		for (k = 0; k < b->nr; k++)
			found += pfn / pages == b->id[k];
	}
	return found;
}

/*
 * Make @a an area of @pages pages in these blocks of @node: allocate memory
 * until some is in the blocks, and free the rest. -ENOENT if none is.
 */
static int area_new_in(struct area *a, long pages, const struct blocks *b, int node)
{
	long first, all = 2 * block_pages();
	struct area big, part, last;
	int err;

	err = area_map(&big, all) ? : area_mbind(&big, MPOL_BIND, NODE_MASK(node), 0);
	if (err)
		return err;
	for (first = 0; first < all; first += pages) {
		part = area_part(&big, first, pages);
		last = area_part(&part, pages - 1, 1);
		area_fill(&part);
		/* Look at the last page first: querying all of them takes minutes. */
		if (area_in(&last, b) && area_in(&part, b) == pages)
			break;
	}
	if (first)
		munmap(big.base, first * page_size());
	if (first >= all)
		return -ENOENT;
	munmap(part.base + area_bytes(&part), (all - first - pages) * page_size());
	*a = part;
	drain_lru();
	return area_mbind(a, MPOL_DEFAULT, 0, 0);
}

/*
 * Make @m->from a node with blocks that can go offline: on one of the nodes,
 * early allocations of the kernel may be in all blocks.
 */
static struct blocks choose_source(struct machine *m)
{
	struct blocks b = movable_blocks(m->from);
	int from = m->from;

	if (b.nr)
		return b;
	m->from = m->to;
	m->to = from;
	return movable_blocks(m->from);
}

#define OFFLINE_SECONDS	600	/* each block takes a debug kernel a second or two */
#define NOT_MOVABLE	"no movable memory (boot with movablecore=), or no memory hotplug"

TEST_F_TIMEOUT(lazy, marked_pages_in_memory_that_goes_offline_keep_contents,
	       OFFLINE_SECONDS)
{
	struct blocks b = choose_source(&self->m);
	struct area a;

	if (!b.nr)
		SKIP(return, NOT_MOVABLE);
	if (area_new_in(&a, AREA_PAGES, &b, self->m.from))
		SKIP(return, "no free memory in blocks that can go offline");
	ASSERT_EQ(0, mark(&a, MPOL_LOCAL, 0));
	ASSERT_EQ(AREA_PAGES, area_hinted(&a));
	EXPECT_EQ(0, blocks_offline(&b, MANY_TRIES));
	EXPECT_EQ(0, area_in(&a, &b));
	ASSERT_EQ(0, run_on(self->m.to));
	area_write(&a);
	EXPECT_EQ(0, area_hinted(&a));
	EXPECT_EQ(0, area_bad(&a));
	EXPECT_EQ(0, blocks_online(&b));
	drain_lru();
	ASSERT_EQ(0, mark(&a, MPOL_LOCAL, 0));
	area_write(&a);
	EXPECT_EQ(AREA_PAGES, area_on(&a, self->m.to));
	EXPECT_EQ(0, area_bad(&a));
}

TEST_F_TIMEOUT(lazy, touches_whose_target_loses_memory_succeed, OFFLINE_SECONDS)
{
	struct blocks b = movable_blocks(self->m.to);

	if (!b.nr)
		SKIP(return, NOT_MOVABLE);
	ASSERT_EQ(0, mark(&self->a, MPOL_BIND, NODE_MASK(self->m.to)));
	EXPECT_EQ(0, blocks_offline(&b, MANY_TRIES));
	area_write(&self->a);
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_RESOLVED]);
	EXPECT_EQ(AREA_PAGES, self->d.v[MOF_MIGRATED] + self->d.v[MOF_FAILED_NOMEM]);
	EXPECT_EQ(self->d.v[MOF_MIGRATED], area_on(&self->a, self->m.to));
	EXPECT_EQ(0, area_hinted(&self->a));
	EXPECT_EQ(0, blocks_online(&b));
	EXPECT_EQ(0, area_bad(&self->a));
}

/* FOLL_LONGTERM: pinning first migrates pages out of ZONE_MOVABLE. */

/* Free pages above the high watermark of ZONE_MOVABLE, or -1. */
static long movable_room(int node)
{
	FILE *f = fopen("/proc/zoneinfo", "r");
	long free = 0, high = 0, room = -1;
	char line[256], zone[16];
	bool inside = false;
	int nid;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Node %d, zone %15s", &nid, zone) == 2)
			inside = nid == node && !strcmp(zone, "Movable");
		else if (inside && sscanf(line, " pages free %ld", &free) == 1)
			room = free;
		else if (inside && sscanf(line, " high %ld", &high) == 1)
			room = free - high;
	}
	if (f)
		fclose(f);
	return room;
}

/*
 * Mark an area, and pin it from m->to: io_uring takes long-term pins of
 * registered buffers. Returns the descriptor that unpins, or a negative errno.
 */
static int pin_marked(const struct area *a, const struct machine *m, struct stats *d)
{
	struct stats before;
	int ring;

	/* Shared memory would keep its pages. */
	madvise(a->base, area_bytes(a), MADV_REMOVE);
	if (run_on(m->from) || area_place(a, m->from) || mark(a, MPOL_LOCAL, 0) ||
	    area_hinted(a) != a->pages || run_on(m->to) || stats_read(&before))
		return -EINVAL;
	ring = pin_pages(a);
	return stats_since(&before, d) ? -EIO : ring;
}

/*
 * A busy page that the fault leaves in ZONE_MOVABLE is migrated by the pin
 * itself: retry then.
 */
static void pin_moves_once(struct __test_metadata *_metadata, const struct machine *m,
			   const struct area *a)
{
	struct stats d;
	int try, ring;

	if (movable_room(m->to) < 4 * a->pages)
		SKIP(return, NOT_MOVABLE);
	for (try = 0; try < FEW_TRIES; try++) {
		ring = pin_marked(a, m, &d);
		SKIP_UNLESS_PINNED(return, ring);
		if (!stats_failed(&d) && !d.v[COMPACT_ISOLATED])
			break;
		close(ring);
	}
	EXPECT_GT(FEW_TRIES, try)
		TH_LOG("pages were busy at each try");
	EXPECT_LT(0, d.v[MOF_MIGRATED]);
	EXPECT_EQ(d.v[MOF_MIGRATED], d.v[PGMIGRATE_SUCCESS]);
	EXPECT_EQ(d.v[MOF_MIGRATED], area_on(a, m->to));
	EXPECT_EQ(a->pages - d.v[MOF_MIGRATED], area_on(a, m->from));
	EXPECT_EQ(0, area_hinted(a));
	EXPECT_EQ(0, stats_unreconciled(&d));
	EXPECT_EQ(0, area_bad(a));
	if (try < FEW_TRIES)
		close(ring);
}

TEST_F(lazy, marked_pages_that_are_pinned_for_long_are_copied_once)
{
	pin_moves_once(_metadata, &self->m, &self->a);
}

TEST_F(lazy, marked_shared_memory_that_is_pinned_for_long_is_copied_once)
{
	struct area shm;

	ASSERT_EQ(0, area_map_file(&shm, AREA_PAGES, PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1));
	pin_moves_once(_metadata, &self->m, &shm);
}

static struct blocks come_and_go;

static int memory_down_and_up(const struct crew *c, long i)
{
	struct blocks b = come_and_go;
	int err = blocks_offline(&b, MANY_TRIES);

	return blocks_online(&b) ? : err;
}

TEST_F_TIMEOUT(lazy, memory_that_goes_down_and_up_beside_marks_and_writers_loses_no_write,
	       OFFLINE_SECONDS)
{
	struct crew c = {
		.m = &self->m, .op = memory_down_and_up, .times = 6,
	};
	struct area a;

	come_and_go = choose_source(&self->m);
	if (!come_and_go.nr)
		SKIP(return, NOT_MOVABLE);
	if (area_new_in(&a, AREA_PAGES, &come_and_go, self->m.from))
		SKIP(return, "no free memory in blocks that can go offline");
	c.a = &a;
	ASSERT_EQ(0, crew_run(&c));
	EXPECT_EQ(0, c.lost);
	EXPECT_EQ(0, c.refused);
	area_read(&a);
	EXPECT_EQ(0, area_hinted(&a));
	ASSERT_EQ(0, stats_since(&self->before, &self->d));
	EXPECT_EQ(0, stats_unreconciled(&self->d));
	EXPECT_EQ(0, area_bad(&a));
}

#include "lib/main.h"
