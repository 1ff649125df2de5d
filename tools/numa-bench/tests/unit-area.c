// SPDX-License-Identifier: GPL-2.0
/* Orders of touches, threads, placement and contents. */
#include <stdlib.h>
#include <string.h>

#include "numa-bench.h"
#include "unit.h"

static int make_plan(struct touch_plan *plan, const struct area *area,
		     enum touch_kind kind, double fraction, unsigned int parts,
		     uint64_t seed)
{
	const struct pattern pattern = {
		.kind = kind, .fraction = fraction, .stride = 16,
	};

	return touch_plan_make(plan, area, &pattern, parts, seed);
}

static void test_plans(void)
{
	struct area area = {
		.bytes = 1024 * 4096, .page_bytes = 4096, .unit_bytes = 4096,
		.nr_pages = 1024,
	};
	struct touch_plan plan;
	bool sorted = true;

	make_plan(&plan, &area, TOUCH_SEQ, 1, 1, 1);
	ok(!plan.order && plan.nr_pages == 1024, "all in sequence needs no order");
	touch_plan_free(&plan);
	make_plan(&plan, &area, TOUCH_SEQ, 0.1, 1, 1);
	for (size_t i = 1; i < plan.nr_pages; i++)
		sorted &= plan.order[i - 1] < plan.order[i];
	ok(plan.nr_pages == 102 && sorted, "a tenth of the pages, ascending");
	touch_plan_free(&plan);
	make_plan(&plan, &area, TOUCH_STRIDED, 1, 2, 1);
	ok(plan.order[0] == 0 && plan.order[1] == 16 && plan.order[31] == 496 &&
	   plan.order[32] == 1 && plan.order[511] == 511 &&
	   plan.order[512] == 512 && plan.order[513] == 528,
	   "every sixteenth page of a part, then their successors");
	touch_plan_free(&plan);
	area.unit_bytes = 64 * 4096;
	make_plan(&plan, &area, TOUCH_RANDOM, 0.25, 1, 1);
	sorted = plan.touched[plan.order[0] / 64 * 64 + 63];
	ok(plan.nr_pages == 256 && sorted, "large pages are chosen whole");
	touch_plan_free(&plan);
}

/* Whether each page is in the part that contains its address */
static bool parts_cover(const struct touch_plan *plan, const struct area *area)
{
	size_t nr = 0;

	for (unsigned int part = 0; part < plan->nr_parts; part++) {
		size_t low = area_part_begin(area, part, plan->nr_parts);
		size_t high = area_part_begin(area, part + 1, plan->nr_parts);

		for (size_t i = plan->begin[part]; i < plan->begin[part + 1]; i++) {
			uint32_t page = plan->order ? plan->order[i] : i;

			nr += page >= low && page < high && plan->touched[page];
		}
	}
	return nr == plan->nr_pages;
}

static void test_parts(void)
{
	struct area area = {
		.bytes = 1000 * 4096, .page_bytes = 4096, .unit_bytes = 4096,
		.nr_pages = 1000,
	};
	struct touch_plan plan;
	bool good;

	make_plan(&plan, &area, TOUCH_SEQ, 1, 3, 1);
	ok(!plan.order && plan.begin[1] == 333 && plan.begin[2] == 666 &&
	   parts_cover(&plan, &area), "parts of threads, in sequence");
	touch_plan_free(&plan);
	make_plan(&plan, &area, TOUCH_RANDOM, 1, 3, 1);
	good = parts_cover(&plan, &area) && plan.order[0] + 1 != plan.order[1];
	touch_plan_free(&plan);
	make_plan(&plan, &area, TOUCH_RANDOM, 0.1, 7, 1);
	ok(good && parts_cover(&plan, &area), "parts of threads, random");
	touch_plan_free(&plan);
	area.unit_bytes = 100 * 4096;
	make_plan(&plan, &area, TOUCH_SEQ, 1, 4, 1);
	ok(plan.begin[1] == 200 && plan.begin[2] == 500 &&
	   plan.begin[3] == 700, "no large page belongs to two threads");
	touch_plan_free(&plan);
}

static void test_place(void)
{
	static const int before[] = { 1, 1, 1, 0, 1 };
	static const int after[] = { 0, 0, 1, 0, -2 };
	static const bool touched[] = { true, false, true, true, true };
	struct placement *place = malloc(sizeof(*place));

	memset(place, 0, sizeof(*place));
	place_add(place, before, after, touched, 5, 0);
	ok(place->node_pages[0] == 3 && place->node_pages[1] == 1 &&
	   place->absent_pages == 1, "pages are counted by node");
	ok(place->moved_pages == 2 && place->moved_untouched_pages == 1,
	   "moved pages, touched or not");
	ok(place->left_behind_pages == 2, "touched pages left behind");
	free(place);
}

static void test_contents(void)
{
	static bool touched[1024];
	struct touch_plan plan;
	struct area area;
	uint64_t *page;

	if (area_map(&area, PAGES_4K, 1024 * base_page_bytes())) {
		skip("contents", "no memory here");
		return;
	}
	area_fill(&area, 1, 2, 3);
	area_fill(&area, 0, 2, 3);
	ok(!area_mismatches(&area, touched, 2), "contents as written");
	make_plan(&plan, &area, TOUCH_RANDOM, 0.5, 1, 1);
	touch_run(&plan, &area, 0);
	ok(!area_mismatches(&area, plan.touched, 1), "each touch adds one");
	ok(area_mismatches(&area, plan.touched, 2) == 512,
	   "a lost touch is detected");
	page = (uint64_t *)(area.base + 5 * area.page_bytes);
	page[100]++;
	ok(area_mismatches(&area, plan.touched, 1) == 1,
	   "a wrong word is detected");
	memcpy(area.base, area.base + area.page_bytes, area.page_bytes);
	ok(area_mismatches(&area, plan.touched, 1) == 2,
	   "a page in the wrong place is detected");
	touch_plan_free(&plan);
	area_unmap(&area);
}

static void test_team(void)
{
	struct area area = {
		.bytes = 256 * 4096, .page_bytes = 4096, .unit_bytes = 4096,
		.nr_pages = 256,
	};
	const int cpu = topo_first_cpu(0);
	const int cpus[] = { cpu, cpu, cpu }, wrong[] = { cpu, cpu, 100000 };
	struct touch_time time = { 0 };
	struct touch_plan plan;
	size_t touched = 0;

	area.base = calloc(1, area.bytes);
	make_plan(&plan, &area, TOUCH_RANDOM, 0.5, 3, 1);
	ok(!team_touch(&plan, &area, cpus, &time) && time.wall_ns &&
	   time.cpu_ns, "three threads on one CPU");
	for (size_t i = 0; i < area.nr_pages; i++)
		touched += *(uint64_t *)(area.base + i * 4096) == plan.touched[i];
	ok(touched == 256, "threads touch each page of the plan once");
	ok(team_touch(&plan, &area, wrong, &time) < 0,
	   "a CPU that does not exist is an error");
	touch_plan_free(&plan);
	free(area.base);
}

void test_area(void)
{
	test_plans();
	test_parts();
	test_team();
	test_place();
	test_contents();
}
