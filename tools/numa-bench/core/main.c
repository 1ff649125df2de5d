// SPDX-License-Identifier: GPL-2.0
/* numa-bench: measures what moving memory between NUMA nodes costs. */
#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "numa-bench.h"

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
	{ "migrate", migrate_main },
	{ "touch", touch_main },
	{ "latency", latency_main },
	{ "scale", scale_main },
	{ "auto", auto_main },
	{ "compare", compare_main },
	{ "info", info_main },
};

struct choice {
	const struct command *command;
	int first;	/* index of its name in argv */
};

const char *argp_program_version = "numa-bench " NB_VERSION;

static const char doc[] =
	"Measure what moving memory between NUMA nodes costs.\vCommands:\n"
	"  migrate   move memory by each method, then touch it from another node\n"
	"  touch     touch memory in several orders, here and on another node\n"
	"  latency   time each touch that migrates, after mbind-lazy\n"
	"  scale     compare sizes, and numbers of threads and nodes\n"
	"  auto      observe where memory is while programs run, balanced or not\n"
	"  compare   ratios of the results of two runs; status 1 if one is worse\n"
	"  info      nodes, kernel features, settings, permissions\n\n"
	"`numa-bench COMMAND --help' lists the options of a command.";

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct choice *choice = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
			if (!strcmp(commands[i].name, arg))
				choice->command = &commands[i];
		if (!choice->command)
			argp_error(state, "no command '%s'", arg);
		choice->first = state->next - 1;
		state->next = state->argc;	/* leave the rest to the command */
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "a command is needed, such as migrate");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = parse_option, .args_doc = "COMMAND [OPTION...]",
		.doc = doc,
	};
	struct choice choice = { 0 };
	char name[64];

	argp_err_exit_status = NB_USAGE;
	page_kinds_init();
	if (argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &choice))
		return NB_USAGE;
	/* The usage line of the command starts with this. */
	snprintf(name, sizeof(name), "numa-bench %s", choice.command->name);
	argv[choice.first] = name;
	return choice.command->run(argc - choice.first, argv + choice.first);
}
