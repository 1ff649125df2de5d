// SPDX-License-Identifier: GPL-2.0
/*
 * deny CALL[,CALL...] COMMAND...: run a command for which these system calls fail
 * with EPERM, like under the seccomp profile of a container.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int add_rule(scmp_filter_ctx ctx, const char *name)
{
	int nr = seccomp_syscall_resolve_name(name);

	if (nr == __NR_SCMP_ERROR) {
		fprintf(stderr, "deny: no system call %s\n", name);
		return -1;
	}
	return seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), nr, 0);
}

int main(int argc, char **argv)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	char *names = argc > 2 ? argv[1] : NULL, *name;

	if (!ctx || !names) {
		fputs("usage: deny CALL[,CALL...] COMMAND...\n", stderr);
		return 125;
	}
	while ((name = strsep(&names, ",")))
		if (add_rule(ctx, name))
			return 125;
	if (seccomp_load(ctx)) {
		fputs("deny: seccomp is not available\n", stderr);
		return 125;
	}
	seccomp_release(ctx);
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
