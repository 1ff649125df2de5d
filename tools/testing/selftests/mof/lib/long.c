// SPDX-License-Identifier: GPL-2.0
/*
 * Options and setup of long-running programs.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../kselftest.h"
#include "long.h"

#define MTHP		"/sys/kernel/mm/transparent_hugepage/hugepages-64kB/enabled"
#define MAX_SETTINGS	8

static void usage(const struct setting *settings, int status)
{
	const struct setting *s;

	printf("%s", program_invocation_short_name);
	for (s = settings; s->name; s++)
		printf(" [--%s%s]", s->name, s->most ? " N" : "");
	printf("\n");
	for (s = settings; s->name; s++)
		printf("  --%-10s %s\n", s->name, s->help);
	exit(status);
}

static bool setting_take(const struct setting *s, const char *text)
{
	char *end;

	if (!s->most) {
		*s->value = 1;
		return true;
	}
	errno = 0;
	*s->value = strtol(text, &end, 0);
	return !errno && end != text && !*end && *s->value >= s->least && *s->value <= s->most;
}

/* Parse the command line; exits if an option is wrong. */
void settings_parse(const struct setting *settings, int argc, char **argv)
{
	struct option longs[MAX_SETTINGS + 2] = { };
	int i, nr;

	for (nr = 0; settings[nr].name && nr < MAX_SETTINGS; nr++)
		longs[nr] = (struct option) {
			settings[nr].name,
			settings[nr].most ? required_argument : no_argument, NULL, nr
		};
	longs[nr] = (struct option) { "help", no_argument, NULL, nr };
	while ((i = getopt_long(argc, argv, "", longs, NULL)) != -1)
		if (i == nr)
			usage(settings, 0);
		else if (i == '?' || !setting_take(&settings[i], optarg))
			usage(settings, KSFT_FAIL);
	if (optind < argc)
		usage(settings, KSFT_FAIL);
}

/**
 * stage_open() - find nodes, enable swap and large folios
 * @s: is filled in; give it to stage_close() in the end
 *
 * Return: NULL, or why the tests cannot run here.
 */
const char *stage_open(struct stage *s)
{
	const char *why;

	why = machine_setup_lazy(&s->m);
	if (why)
		return why;
	s->window = read_long(WINDOW);
	why = swap_enable(&s->swap);
	if (why)
		ksft_print_msg("no swap: %s\n", why);
	thp_missing();		/* enables THPs where available */
	write_text(MTHP, "madvise");
	write_text(SHMEM_THP, "advise");
	return NULL;
}

void stage_close(struct stage *s)
{
	write_text(SHMEM_THP, "never");
	write_text(MTHP, "never");
	if (s->window >= 0)
		write_long(WINDOW, s->window);
	swap_disable(&s->swap);
	machine_restore(&s->m);
}
