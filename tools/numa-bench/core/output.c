// SPDX-License-Identifier: GPL-2.0
/* Files of results. A path that cannot be written is told before measuring. */
#include <string.h>

#include "numa-bench.h"

static int cannot_write(const char *path, const char *option)
{
	fprintf(stderr, "numa-bench: cannot write %s: %m; choose another %s\n",
		path, option);
	return -1;
}

/* Leaves what an existing file has, in case that nothing is measured. */
static int check(const char *path, const char *option)
{
	FILE *out;

	if (!path || !strcmp(path, "-"))
		return 0;
	out = fopen(path, "a");
	if (!out)
		return cannot_write(path, option);
	fclose(out);
	return 0;
}

int output_check(const char *json_path, const char *csv_path)
{
	return check(json_path, "--json") || check(csv_path, "--csv") ? -1 : 0;
}

/* Then there is no table. */
bool output_is_stdout(const char *json_path, const char *csv_path)
{
	return (json_path && !strcmp(json_path, "-")) ||
	       (csv_path && !strcmp(csv_path, "-"));
}

/* "-" is stdout; NULL: it has been told why not */
FILE *output_open(const char *path, const char *option)
{
	FILE *out = strcmp(path, "-") ? fopen(path, "w") : stdout;

	if (!out)
		cannot_write(path, option);
	return out;
}

/* Whatever was not written before fails here. */
int output_close(FILE *out, const char *path, const char *option)
{
	int bad = ferror(out);

	if (out == stdout ? fflush(out) : fclose(out))
		bad = 1;
	return bad ? cannot_write(path, option) : 0;
}

/* Of tables */
int output_flush(void)
{
	return fflush(stdout) || ferror(stdout) ?
		cannot_write("the table to standard output",
			     "file or add --json FILE") : 0;
}
