/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Common parts of the long-running programs, mof_stress and mof_fuzz: options
 * and setup.
 */
#ifndef _MOF_LONG_H
#define _MOF_LONG_H

#include "../../kselftest.h"
#include "util.h"

/**
 * struct setting - an option, "--NAME N" or "--NAME"
 * @name:	its name; NULL ends a table
 * @help:	short description
 * @value:	receives the number, or 1 if the option takes none
 * @least:	minimum
 * @most:	maximum; 0: the option takes no number
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
 * struct stage - setup of a long-running program
 * @m:		nodes
 * @swap:	a swap device
 * @window:	saved vm.mof_window_pages
 */
struct stage {
	struct machine m;
	struct swap swap;
	long window;
};

const char *stage_open(struct stage *s);
void stage_close(struct stage *s);

/* stage_open(), and set the plan; exits if the tests cannot run. */
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
