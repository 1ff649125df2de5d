// SPDX-License-Identifier: GPL-2.0
/* Unit test of model.c: caches with known traces; arguments. TAP */
#include <stdio.h>
#include <string.h>

#include "../model.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

static unsigned int tests, failures;

static void ok(bool good, const char *name)
{
	printf("%s %u - %s\n", good ? "ok" : "not ok", ++tests, name);
	failures += !good;
}

/* CPUs 0 and 1 are on node 0, 2 on node 1; lines of a set are even, or odd. */
static const unsigned int node_of[] = { 0, 0, 1 };
static const struct nm_shape private = { .sets = 2, .ways = 2 };
static const struct nm_shape shared = { .sets = 2, .ways = 4 };

struct step {
	unsigned int cpu;
	char what;		/* r, w */
	uint64_t line;
	enum nm_level level;
};

static bool trace(const struct step *steps, size_t nr)
{
	struct nm_caches caches = {
		.nr_cpus = 3, .nr_nodes = 2, .node_of = node_of,
	};
	bool good = !nm_caches_make(&caches, private, shared);

	for (size_t i = 0; good && i < nr; i++)
		good = nm_access(&caches, steps[i].cpu, steps[i].line,
				 steps[i].what == 'w') == steps[i].level;
	nm_caches_free(&caches);
	return good;
}

#define TRACE(name, ...) do {						\
	const struct step steps[] = { __VA_ARGS__ };			\
									\
	ok(trace(steps, ARRAY_SIZE(steps)), name);			\
} while (0)

static void test_one_cpu(void)
{
	TRACE("a line misses once, line 0 too",
	      { 0, 'r', 0, NM_MEMORY }, { 0, 'r', 0, NM_PRIVATE },
	      { 0, 'w', 0, NM_PRIVATE }, { 0, 'r', 1, NM_MEMORY },
	      { 0, 'r', 0, NM_PRIVATE });
	TRACE("the least recently used line is evicted",
	      { 0, 'r', 0, NM_MEMORY }, { 0, 'r', 2, NM_MEMORY },
	      { 0, 'r', 0, NM_PRIVATE }, { 0, 'r', 4, NM_MEMORY },
	      { 0, 'r', 0, NM_PRIVATE }, { 0, 'r', 2, NM_SHARED });
	TRACE("sets are independent",
	      { 0, 'r', 0, NM_MEMORY }, { 0, 'r', 2, NM_MEMORY },
	      { 0, 'r', 1, NM_MEMORY }, { 0, 'r', 3, NM_MEMORY },
	      { 0, 'r', 5, NM_MEMORY }, { 0, 'r', 0, NM_PRIVATE },
	      { 0, 'r', 2, NM_PRIVATE }, { 0, 'r', 1, NM_SHARED });
	TRACE("a sweep over more than both caches hold always misses",
	      { 0, 'r', 0, NM_MEMORY }, { 0, 'r', 2, NM_MEMORY },
	      { 0, 'r', 4, NM_MEMORY }, { 0, 'r', 6, NM_MEMORY },
	      { 0, 'r', 8, NM_MEMORY }, { 0, 'r', 0, NM_MEMORY },
	      { 0, 'r', 2, NM_MEMORY });
}

static void test_several_cpus(void)
{
	TRACE("CPUs of a node share its cache, others do not",
	      { 0, 'r', 0, NM_MEMORY }, { 1, 'r', 0, NM_SHARED },
	      { 2, 'r', 0, NM_MEMORY }, { 0, 'r', 0, NM_PRIVATE });
	TRACE("a write invalidates the line in all other caches",
	      { 0, 'r', 0, NM_MEMORY }, { 1, 'r', 0, NM_SHARED },
	      { 2, 'r', 0, NM_MEMORY }, { 1, 'w', 0, NM_PRIVATE },
	      { 0, 'r', 0, NM_SHARED }, { 2, 'r', 0, NM_MEMORY });
	TRACE("a read by another CPU ends ownership",
	      { 0, 'w', 0, NM_MEMORY }, { 2, 'r', 0, NM_MEMORY },
	      { 0, 'w', 0, NM_PRIVATE }, { 2, 'r', 0, NM_MEMORY });
	TRACE("a line that two nodes write in turn misses each time",
	      { 0, 'w', 0, NM_MEMORY }, { 2, 'w', 0, NM_MEMORY },
	      { 0, 'w', 0, NM_MEMORY }, { 2, 'w', 0, NM_MEMORY });
	TRACE("an invalidated way is used first",
	      { 0, 'r', 0, NM_MEMORY }, { 0, 'r', 2, NM_MEMORY },
	      { 2, 'w', 2, NM_MEMORY }, { 0, 'r', 4, NM_MEMORY },
	      { 0, 'r', 0, NM_PRIVATE });
}

static bool parsed(struct nm_options *opts, const char *more)
{
	char words[][40] = { "out=x", "cpus=0:1", "start=0:0x1000",
			     "end=0x1000:0x2000", "dist=10:32:21:10", "" };
	char *argv[ARRAY_SIZE(words)];
	int argc = 0;

	snprintf(words[5], sizeof(words[5]), "%s", more);
	for (; argc < (int)ARRAY_SIZE(words); argc++)
		argv[argc] = words[argc];
	return !nm_options_parse(opts, *more ? argc : argc - 1, argv);
}

static void test_arguments(void)
{
	struct nm_options opts;

	ok(parsed(&opts, "cycles=50:100:200") &&
	   nm_memory_cycles(&opts, 0, 0) == 100 &&
	   nm_memory_cycles(&opts, 1, 0) == 200 &&
	   nm_memory_cycles(&opts, 0, 1) == 300,
	   "latencies are linear in the distance");
	ok(parsed(&opts, "start_high=0:0x4000") == false &&
	   parsed(&opts, "") && nm_node_at(&opts, 0xfff) == 0 &&
	   nm_node_at(&opts, 0x1000) == 1 &&
	   nm_node_at(&opts, 0x2000) == NM_NOWHERE,
	   "an address belongs to one node, or to none");
	ok(parsed(&opts, "private=0x4000:8") &&
	   nm_shape_of(&opts, opts.private).sets == 32 &&
	   nm_shape_of(&opts, opts.private).ways == 8, "number of sets of a cache");
	ok(!parsed(&opts, "private=1000:8") && !parsed(&opts, "private=1024") &&
	   !parsed(&opts, "shared=0:0") && !parsed(&opts, "line=48") &&
	   !parsed(&opts, "slice=0") && !parsed(&opts, "slice=1x") &&
	   !parsed(&opts, "slice=") && !parsed(&opts, "cpus=0:2") &&
	   !parsed(&opts, "start=0") && !parsed(&opts, "dist=10") &&
	   !parsed(&opts, "nonsense=1") && !parsed(&opts, "slice"),
	   "bad arguments are refused");
}

int main(void)
{
	test_one_cpu();
	test_several_cpus();
	test_arguments();
	printf("1..%u\n", tests);
	return failures ? 1 : 0;
}
