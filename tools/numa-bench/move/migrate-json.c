// SPDX-License-Identifier: GPL-2.0
/* A row of "numa-bench migrate" for programs: samples and medians. */
#include "json-put.h"
#include "results.h"

/* No member where nothing was to be counted */
static void put_perf(struct json_object *obj, const struct counters *c)
{
	struct json_object *perf = NULL;

	for (unsigned int i = 0; i < NB_MAX_EVENTS; i++) {
		if (!perf_name(i))
			continue;
		if (!perf)
			perf = json_object_new_object();
		put_u64(perf, perf_name(i), c->perf[i].value);
	}
	if (perf)
		put(obj, "perf", perf);
}

/* Counters go by the kernel's names; where they count nothing, they are left out */
static struct json_object *json_phase(const struct sample *s, enum phase phase)
{
	const struct counters *c = &s->counts[phase];
	struct json_object *obj = json_object_new_object(), *vmstat = json_object_new_object();

	for (unsigned int i = 0; i < counters_nr(); i++)
		if (c->vmstat[i])
			put_u64(vmstat, counters_name(i), c->vmstat[i]);
	put_u64(obj, "time_ns", s->ns[phase]);
	put_u64(obj, "wall_ns", s->wall_ns[phase]);
	put_u64(obj, "minor_faults", c->minor_faults);
	put_u64(obj, "major_faults", c->major_faults);
	put(obj, "vmstat", vmstat);
	put_perf(obj, c);
	return obj;
}

static struct json_object *json_node_pages(const struct placement *place)
{
	struct json_object *obj = json_object_new_object();
	char key[16];

	for (int node = 0; node < NB_MAX_NODES; node++) {
		if (!place->node_pages[node])
			continue;
		snprintf(key, sizeof(key), "%d", node);
		put_u64(obj, key, place->node_pages[node]);
	}
	return obj;
}

static struct json_object *json_sample(const struct sample *s)
{
	struct json_object *obj = json_object_new_object();

	for (int p = 0; p < NR_PHASES; p++)
		put(obj, phase_names[p], json_phase(s, p));
	put(obj, "call_result", json_object_new_int64(s->call_result));
	put(obj, "call_errno", json_object_new_int(s->call_errno));
	put_u64(obj, "touched_pages", s->touched_pages);
	put_u64(obj, "moved_pages", s->place.moved_pages);
	put_u64(obj, "moved_untouched_pages", s->place.moved_untouched_pages);
	put_double(obj, "moved_per_touched", moved_per_touched(s));
	put_u64(obj, "left_behind_pages", s->place.left_behind_pages);
	put_u64(obj, "absent_pages", s->place.absent_pages);
	put(obj, "node_pages", json_node_pages(&s->place));
	put_u64(obj, "thps_before", s->thps_before);
	put_u64(obj, "thps_after", s->thps_after);
	put_u64(obj, "mismatched_pages", s->mismatched_pages);
	return obj;
}

static struct json_object *json_stat(const struct stat_sum *stat)
{
	struct json_object *obj = json_object_new_object();

	put_double(obj, "median_ns", stat->median);
	put_double(obj, "min_ns", stat->min);
	put_double(obj, "max_ns", stat->max);
	put_double(obj, "spread_percent", stat->spread_percent);
	return obj;
}

/* null where it is not known */
void ratio_json(struct json_object *obj, const char *key, double ratio)
{
	put(obj, key, ratio > 0 ? json_object_new_double(ratio) : NULL);
}

static struct json_object *json_summary(const struct results *res, const struct row *row)
{
	struct json_object *obj = json_object_new_object();
	struct row_sum sum = row_sum(res, row);
	char key[48];

	for (int p = 0; p < NR_PHASES; p++) {
		put(obj, phase_names[p], json_stat(&sum.phase[p]));
		snprintf(key, sizeof(key), "%s_per_page_ns", phase_names[p]);
		put_double(obj, key, sum.per_page[p]);
	}
	put_double(obj, "first_touch_wall_per_page_ns", sum.wall_per_page);
	put(obj, "call_and_first_touch", json_stat(&sum.total));
	put_double(obj, "loop_ns", sum.baseline_ns);
	put_double(obj, "total_per_page_ns", sum.total_per_page);
	if (row->kind != PAGES_4K)
		put_double(obj, "total_per_thp_ns", sum.total_per_thp);
	put_double(obj, "moved_per_touched", sum.moved_per_touched);
	ratio_json(obj, "call_to_mbind_move_ratio", sum.call_ratio);
	ratio_json(obj, "total_to_mbind_move_ratio", sum.total_ratio);
	return obj;
}

void migrate_json(const struct results *res, const struct row *row,
		  struct json_object *obj)
{
	struct json_object *samples = json_object_new_array();

	for (size_t i = 0; i < row->nr; i++)
		json_object_array_add(samples, json_sample(&row->samples[i]));
	put(obj, "samples", samples);
	put(obj, "summary", row->nr ? json_summary(res, row) : NULL);
}
