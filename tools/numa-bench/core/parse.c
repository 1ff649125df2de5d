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

/*
 * Copies the next word between commas; false after the last one. A word that is
 * too long becomes empty, which no parser takes.
 */
bool next_word(const char **list, char word[NB_MAX_WORD])
{
	size_t len;

	if (!*list)
		return false;
	len = strcspn(*list, ",");
	snprintf(word, NB_MAX_WORD, "%.*s", len < NB_MAX_WORD ? (int)len : 0,
		 *list);
	*list = (*list)[len] ? *list + len + 1 : NULL;
	return true;
}

int parse_sizes(const char *s, struct size_list *list)
{
	char word[NB_MAX_WORD];

	for (list->nr = 0; next_word(&s, word); list->nr++)
		if (list->nr == NB_MAX_LIST ||
		    parse_size(word, &list->bytes[list->nr]))
			return -1;
	return 0;
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

int parse_percents(const char *s, struct fraction_list *list)
{
	char word[NB_MAX_WORD];

	for (list->nr = 0; next_word(&s, word); list->nr++)
		if (list->nr == NB_MAX_LIST ||
		    parse_percent(word, &list->val[list->nr]))
			return -1;
	return 0;
}

int parse_numbers(const char *s, unsigned int min, unsigned int max,
		  struct num_list *list)
{
	char word[NB_MAX_WORD];
	uint64_t number;

	for (list->nr = 0; next_word(&s, word); list->nr++) {
		if (list->nr == NB_MAX_LIST || parse_u64(word, &number) ||
		    number < min || number > max)
			return -1;
		list->val[list->nr] = (int)number;
	}
	return 0;
}

/* Numbers of pages, or "default" for the current setting */
int parse_windows(const char *s, struct num_list *list)
{
	char word[NB_MAX_WORD];
	uint64_t pages;

	for (list->nr = 0; next_word(&s, word); list->nr++) {
		bool set = strcmp(word, "default");

		if (list->nr == NB_MAX_LIST ||
		    (set && (parse_u64(word, &pages) || pages > WINDOW_MAX)))
			return -1;
		list->val[list->nr] = set ? (int)pages : WINDOW_DEFAULT;
	}
	return 0;
}

/* A list of names without repeats, or "all" */
int parse_names(const char *s, const char *const *names, size_t nr,
		struct name_list *list)
{
	bool all = !strcmp(s, "all");
	char word[NB_MAX_WORD];

	list->nr = 0;
	for (unsigned int i = 0; all && i < nr && i < NB_MAX_LIST; i++)
		list->idx[list->nr++] = i;
	while (!all && next_word(&s, word)) {
		unsigned int idx = 0;

		while (idx < nr && strcmp(word, names[idx]))
			idx++;
		if (idx == nr || list->nr == NB_MAX_LIST)
			return -1;
		for (unsigned int i = 0; i < list->nr; i++)
			if (list->idx[i] == idx)
				return -1;
		list->idx[list->nr++] = idx;
	}
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
