// SPDX-License-Identifier: GPL-2.0
/* Values of options: numbers, sizes, percentages and lists of them. */
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

/* "64M", "2MiB", "4096": binary units, at least one byte */
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

int parse_sizes(const char *s, struct size_list *list)
{
	char *copy = strdup(s), *rest = copy, *word;
	int ret = copy ? 0 : -1;

	list->nr = 0;
	while (!ret && (word = strsep(&rest, ",")))
		ret = list->nr == NB_MAX_LIST ? -1 :
			parse_size(word, &list->bytes[list->nr++]);
	free(copy);
	return ret;
}

/* "10%" and "10" are both 0.1; more than 0, at most 100 */
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

int parse_percents(const char *s, struct fraction_list *list)
{
	char *copy = strdup(s), *rest = copy, *word;
	int ret = copy ? 0 : -1;

	list->nr = 0;
	while (!ret && (word = strsep(&rest, ",")))
		ret = list->nr == NB_MAX_LIST ? -1 :
			parse_percent(word, &list->val[list->nr++]);
	free(copy);
	return ret;
}

static int parse_int(const char *word, unsigned int min, unsigned int max,
		     int *val)
{
	uint64_t number;

	if (parse_u64(word, &number) || number < min || number > max)
		return -1;
	*val = (int)number;
	return 0;
}

static int parse_list(const char *s, unsigned int min, unsigned int max,
		      const char *special, struct num_list *list)
{
	char *copy = strdup(s), *rest = copy, *word;
	int ret = copy ? 0 : -1;

	list->nr = 0;
	while (!ret && (word = strsep(&rest, ","))) {
		if (list->nr == NB_MAX_LIST)
			ret = -1;
		else if (special && !strcmp(word, special))
			list->val[list->nr++] = WINDOW_DEFAULT;
		else
			ret = parse_int(word, min, max, &list->val[list->nr++]);
	}
	free(copy);
	return ret;
}

int parse_numbers(const char *s, unsigned int min, unsigned int max,
		  struct num_list *list)
{
	return parse_list(s, min, max, NULL, list);
}

/* Pages, or "default": what is set */
int parse_windows(const char *s, struct num_list *list)
{
	return parse_list(s, 0, WINDOW_MAX, "default", list);
}

static int name_index(const char *word, const char *const *names, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (!strcmp(word, names[i]))
			return (int)i;
	return -1;
}

static int add_name(struct name_list *list, int idx)
{
	if (idx < 0 || list->nr == NB_MAX_LIST)
		return -1;
	for (unsigned int i = 0; i < list->nr; i++)
		if (list->idx[i] == (unsigned int)idx)
			return -1;
	list->idx[list->nr++] = idx;
	return 0;
}

/* A list of names without repeats, or "all" */
int parse_names(const char *s, const char *const *names, size_t nr,
		struct name_list *list)
{
	char *copy, *rest, *word;
	int ret = 0;

	list->nr = 0;
	if (!strcmp(s, "all")) {
		for (size_t i = 0; i < nr; i++)
			add_name(list, i);
		return 0;
	}
	copy = strdup(s);
	if (!copy)
		return -1;
	rest = copy;
	while (!ret && (word = strsep(&rest, ",")))
		ret = add_name(list, name_index(word, names, nr));
	free(copy);
	return ret;
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
