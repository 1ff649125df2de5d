// SPDX-License-Identifier: GPL-2.0
/* Option values: numbers, sizes, percentages, names, and lists of them. */
#include <argp.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "numa-bench.h"

int parse_u64(const char *s, uint64_t *val)
{
	char *end;

	if (!isdigit((unsigned char)*s))
		return -1;
	errno = 0;
	*val = strtoull(s, &end, 0);
	return errno || *end ? -1 : 0;
}

static int suffix_shift(const char *s)
{
	static const char letters[] = "KMGT";
	const char *hit;

	if (!*s)
		return 0;
	hit = strchr(letters, toupper((unsigned char)*s));
	if (!hit || (s[1] && strcmp(s + 1, "iB") && strcmp(s + 1, "B")))
		return -1;
	return 10 * (int)(hit - letters + 1);
}

/* "64M", "2MiB", "4096": binary units; not 0 */
int parse_size(const char *s, size_t *bytes)
{
	unsigned long long val;
	char *end;
	int shift;

	if (!isdigit((unsigned char)*s))
		return -1;
	errno = 0;
	val = strtoull(s, &end, 10);
	shift = suffix_shift(end);
	if (errno || shift < 0 || !val || val > (SIZE_MAX >> 1) >> shift)
		return -1;
	*bytes = (size_t)val << shift;
	return 0;
}

/* Calls add() for each word between commas, until it fails. */
int parse_words(const char *s, int (*add)(const char *word, void *list),
		void *list)
{
	char *copy = strdup(s), *rest = copy, *word;
	int ret = copy ? 0 : -1;

	while (!ret && (word = strsep(&rest, ",")))
		ret = add(word, list);
	free(copy);
	return ret;
}

static int add_size(const char *word, void *sizes)
{
	struct size_list *list = sizes;

	return list->nr == NB_MAX_LIST ? -1 :
		parse_size(word, &list->bytes[list->nr++]);
}

int parse_sizes(const char *s, struct size_list *list)
{
	list->nr = 0;
	return parse_words(s, add_size, list);
}

/* "10%" and "10" are both 0.1; greater than 0, at most 100 */
int parse_percent(const char *s, double *fraction)
{
	char *end;
	double val;

	if (!isdigit((unsigned char)*s) && *s != '.')
		return -1;
	val = strtod(s, &end);
	if (*end == '%')
		end++;
	if (*end || !isfinite(val) || val <= 0 || val > 100)
		return -1;
	*fraction = val / 100;
	return 0;
}

static int add_percent(const char *word, void *percents)
{
	struct fraction_list *list = percents;

	return list->nr == NB_MAX_LIST ? -1 :
		parse_percent(word, &list->val[list->nr++]);
}

int parse_percents(const char *s, struct fraction_list *list)
{
	list->nr = 0;
	return parse_words(s, add_percent, list);
}

struct numbers {
	struct num_list *list;
	unsigned int min;
	unsigned int max;
	const char *special;	/* stands for WINDOW_DEFAULT, or NULL */
};

static int add_number(const char *word, void *input)
{
	struct numbers *numbers = input;
	struct num_list *list = numbers->list;
	uint64_t number;

	if (list->nr == NB_MAX_LIST)
		return -1;
	if (numbers->special && !strcmp(word, numbers->special)) {
		list->val[list->nr++] = WINDOW_DEFAULT;
		return 0;
	}
	if (parse_u64(word, &number) || number < numbers->min ||
	    number > numbers->max)
		return -1;
	list->val[list->nr++] = (int)number;
	return 0;
}

int parse_numbers(const char *s, unsigned int min, unsigned int max,
		  struct num_list *list)
{
	struct numbers numbers = { .list = list, .min = min, .max = max };

	list->nr = 0;
	return parse_words(s, add_number, &numbers);
}

/* Numbers of pages, or "default" for the current setting */
int parse_windows(const char *s, struct num_list *list)
{
	struct numbers numbers = {
		.list = list, .max = WINDOW_MAX, .special = "default",
	};

	list->nr = 0;
	return parse_words(s, add_number, &numbers);
}

struct names {
	struct name_list *list;
	const char *const *names;
	size_t nr;
};

static int add_name(const char *word, void *input)
{
	struct names *names = input;
	struct name_list *list = names->list;
	unsigned int idx = 0;

	while (idx < names->nr && strcmp(word, names->names[idx]))
		idx++;
	if (idx == names->nr || list->nr == NB_MAX_LIST)
		return -1;
	for (unsigned int i = 0; i < list->nr; i++)
		if (list->idx[i] == idx)
			return -1;
	list->idx[list->nr++] = idx;
	return 0;
}

/* A list of names without repeats, or "all" */
int parse_names(const char *s, const char *const *names, size_t nr,
		struct name_list *list)
{
	struct names input = { .list = list, .names = names, .nr = nr };

	list->nr = 0;
	if (strcmp(s, "all"))
		return parse_words(s, add_name, &input);
	for (unsigned int i = 0; i < nr && i < NB_MAX_LIST; i++)
		list->idx[list->nr++] = i;
	return 0;
}

uint64_t parse_count(const char *arg, uint64_t min, uint64_t max,
		     const char *what, struct argp_state *state)
{
	uint64_t val;

	if (parse_u64(arg, &val) || val < min || val > max)
		argp_error(state, "bad %s '%s': %llu to %llu", what, arg,
			   (unsigned long long)min, (unsigned long long)max);
	return val;
}

const char *format_size(size_t bytes, char *buf, size_t len)
{
	static const char *const suffix[] = { "", "K", "M", "G", "T" };
	unsigned int i = 0;

	while (bytes && !(bytes % 1024) && i + 1 < ARRAY_SIZE(suffix)) {
		bytes /= 1024;
		i++;
	}
	snprintf(buf, len, "%zu%s", bytes, suffix[i]);
	return buf;
}
