// SPDX-License-Identifier: GPL-2.0
/* What a person at a terminal sees meanwhile, and how they stop it. */
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "results.h"

static atomic_bool stop;
static void (*last_resort)(void);

/* The first signal ends the run after the current sample, the second at once */
static void on_signal(int sig)
{
	if (stop) {
		if (last_resort)
			last_resort();
		knobs_restore();
		signal(sig, SIG_DFL);
		raise(sig);
	}
	stop = true;
}

/* last: what has to be done before the second signal ends us; may be NULL */
void interrupt_setup(void (*last)(void))
{
	struct sigaction act = {
		.sa_handler = on_signal, .sa_flags = SA_RESTART,
	}, old;

	last_resort = last;
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	/* nohup ignores it */
	if (!sigaction(SIGHUP, NULL, &old) && old.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &act, NULL);
}

bool interrupted(void)
{
	return stop;
}

void progress_show(const struct row *row, size_t done, size_t all)
{
	char size[32];

	if (!isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "\r\033[K[%zu/%zu] %s, %s pages, %s", done + 1, all,
		row->method->name, page_kind_names[row->kind],
		format_size(row->bytes, size, sizeof(size)));
}

void progress_clear(void)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
}
