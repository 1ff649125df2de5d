// SPDX-License-Identifier: GPL-2.0
/* The table, the JSON members and the CSV lines of "numa-bench latency". */
#include "json-put.h"
#include "latency.h"

static void print_legend(const struct results *res, FILE *out)
{
	fprintf(out,
		"%s of a touch that took a fault, all repeats together; what reading the clock costs is subtracted\n",
		res->opts->instructions ? "Instructions" : "ns");
	fprintf(out,
		"f/page: faults per page touched; no-fault: median of the other touches; m/touch: moved per touched; left: touched, not on node %d\n",
		res->topo.to);
}

static void print_head(const struct row *row, FILE *out)
{
	report_group(row, out);
	fprintf(out,
		"%-11s %6s %8s %8s %8s %7s %9s %8s %8s %8s %8s %9s %8s %7s %8s\n",
		"method", "window", "touches", "faulting", "faults", "f/page",
		"mean", "p50", "p90", "p99", "p99.9", "max", "no-fault",
		"m/touch", "left");
}

static void print_sum(const struct latency_sum *sum, FILE *out)
{
	fprintf(out, " %8zu %8zu %8zu %7.4f %9.1f", sum->touched_pages,
		sum->nr_faulting, sum->faults,
		(double)sum->faults / (double)sum->touched_pages, sum->mean_ns);
	fprintf(out, " %8llu %8llu %8llu %8llu %9llu %8llu",
		(unsigned long long)sum->p50_ns, (unsigned long long)sum->p90_ns,
		(unsigned long long)sum->p99_ns, (unsigned long long)sum->p999_ns,
		(unsigned long long)sum->max_ns,
		(unsigned long long)sum->hit_p50_ns);
}

static void print_row(const struct row *row, FILE *out)
{
	const struct sample *last = &row->samples[row->nr - 1];
	struct latency_sum sum;

	if (latency_sum(&sum, row->samples, row->nr))
		return;
	print_sum(&sum, out);
	fprintf(out, " %7.3f %8zu\n", moved_per_touched(last),
		last->place.left_behind_pages);
	latency_sum_free(&sum);
}

void latency_table(const struct results *res, FILE *out)
{
	report_header(res, out);
	print_legend(res, out);
	for (size_t i = 0; i < res->nr; i++) {
		if (i % res->group == 0)
			print_head(&res->rows[i], out);
		report_method(&res->rows[i], out);
		if (!report_left_out(&res->rows[i], out))
			print_row(&res->rows[i], out);
		report_perf(&res->rows[i], out);
	}
	report_end(res, out);
}

static void put_sum(struct json_object *obj, const struct latency_sum *sum)
{
	put_u64(obj, "touched_pages", sum->touched_pages);
	put_u64(obj, "faulting_touches", sum->nr_faulting);
	put_u64(obj, "faults", sum->faults);
	put_double(obj, "faults_per_page",
		   (double)sum->faults / (double)sum->touched_pages);
	put_double(obj, "mean_ns", sum->mean_ns);
	put_u64(obj, "p50_ns", sum->p50_ns);
	put_u64(obj, "p90_ns", sum->p90_ns);
	put_u64(obj, "p99_ns", sum->p99_ns);
	put_u64(obj, "p999_ns", sum->p999_ns);
	put_u64(obj, "max_ns", sum->max_ns);
	put_u64(obj, "no_fault_p50_ns", sum->hit_p50_ns);
}

static struct json_object *json_sample(const struct sample *s)
{
	struct json_object *obj = json_object_new_object();
	struct latency_sum sum;

	if (!latency_sum(&sum, s, 1))
		put_sum(obj, &sum);
	latency_sum_free(&sum);
	put_u64(obj, "clock_ns", s->times.clock_ns);
	put_u64(obj, "call_ns", s->ns[PHASE_CALL]);
	put_u64(obj, "moved_pages", s->place.moved_pages);
	put_u64(obj, "moved_untouched_pages", s->place.moved_untouched_pages);
	put_double(obj, "moved_per_touched", moved_per_touched(s));
	put_u64(obj, "left_behind_pages", s->place.left_behind_pages);
	put_u64(obj, "mismatched_pages", s->mismatched_pages);
	return obj;
}

/* [[ns, touches], ...]: exact, and short where times repeat */
static struct json_object *json_histogram(const struct latency_sum *sum)
{
	struct json_object *list = json_object_new_array();
	size_t nr;

	for (size_t i = 0; i < sum->nr_faulting; i += nr) {
		struct json_object *pair = json_object_new_array();

		nr = run_length(sum->sorted_ns + i, sum->nr_faulting - i);
		json_object_array_add(pair,
				      json_object_new_uint64(sum->sorted_ns[i]));
		json_object_array_add(pair, json_object_new_uint64(nr));
		json_object_array_add(list, pair);
	}
	return list;
}

void latency_json(const struct results *res, const struct row *row,
		  struct json_object *obj)
{
	struct json_object *samples = json_object_new_array();
	struct json_object *summary = NULL, *histogram = NULL;
	struct latency_sum sum;

	(void)res;
	for (size_t i = 0; i < row->nr; i++)
		json_object_array_add(samples, json_sample(&row->samples[i]));
	put(obj, "samples", samples);
	if (row->nr && !latency_sum(&sum, row->samples, row->nr)) {
		summary = json_object_new_object();
		put_sum(summary, &sum);
		histogram = json_histogram(&sum);
		latency_sum_free(&sum);
	}
	put(obj, "summary", summary);
	put(obj, "histogram", histogram);
}

const char *const latency_columns[] = { "sample", "ns", "touches", NULL };

/* A line for each duration that occurred in a sample */
void latency_csv(const struct row *row, FILE *out)
{
	for (size_t i = 0; i < row->nr; i++) {
		const struct touch_times *times = &row->samples[i].times;
		size_t nr;

		for (size_t j = 0; j < times->nr_faulting; j += nr) {
			nr = run_length(times->fault_ns + j,
					times->nr_faulting - j);
			csv_row_key(row, out);
			fprintf(out, ",%zu,%llu,%zu\n", i,
				(unsigned long long)times->fault_ns[j], nr);
		}
	}
}
