/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the programs that do all at once share, mof_stress and mof_fuzz: their
 * options, and what they switch on.
 */
#ifndef _MOF_LONG_H
#define _MOF_LONG_H

#include "../../kselftest.h"
#include "util.h"

/**
 * struct setting - an option, "--NAME N" or "--NAME"
 * @name:	what stands behind the dashes; NULL ends a table of these
 * @help:	what it is, in a few words
 * @value:	where its number goes, or where a 1 goes if it takes none
 * @least:	of its values
 * @most:	of its values; 0: it takes no number
 */
struct setting {
	const char *name;
	const char *help;
	long *value;
	long least;
	long most;
};

void settings_parse(const struct setting *settings, int argc, char **argv);

/**
 * struct stage - the machine as a long test wants it
 * @m:		its nodes
 * @swap:	a swap device
 * @window:	vm.mof_window_pages as it was found
 */
struct stage {
	struct machine m;
	struct swap swap;
	long window;
};

const char *stage_open(struct stage *s);
void stage_close(struct stage *s);

/* The same, and plan the results; ends the program where nothing can be tested. */
static inline void stage_begin(struct stage *s, unsigned int tests)
{
	const char *why;

	ksft_print_header();
	why = stage_open(s);
	if (why)
		ksft_exit_skip("%s\n", why);
	ksft_set_plan(tests);
}

#endif /* _MOF_LONG_H */
