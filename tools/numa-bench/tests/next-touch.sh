#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Next touch in programs: header, preloaded library, example. Placement is tested
# on two nodes: O=BUILD-DIR next-touch.sh. TAP.
set -eu

# shellcheck source=tools/numa-bench/tests/tap.sh
. "$(dirname "$0")/tap.sh"

openmp() { # [NAME=VALUE...]: run the example; sets $status
	status=0
	env OMP_PLACES=threads "$@" "$O/next-touch/openmp" 8 \
		>"$tmp/out" 2>"$tmp/err" || status=$?
}

percent() { # WHEN: local pages that the example reports
	sed -n "s/^$1: .*(\([0-9]*\)%)/\1/p" "$tmp/out"
}

ret=0
"$O/tests/next-touch" >"$tmp/out" 2>"$tmp/err" || ret=$?
sed 's/^/# /' "$tmp/out"
result $ret "numa_next_touch.h conforms to its man page"

ret=0
LD_PRELOAD="$O/libnext-touch.so" "$bench" --version >"$tmp/out" 2>"$tmp/err" || ret=1
[ ! -s "$tmp/err" ] || ret=1
result $ret "a program runs with libnext-touch.so on any kernel"

marks() { # TIMES WAY...: start threads in these ways, and count messages
	want=$1 some='[0-9]'
	shift
	ret=0
	LD_PRELOAD="$O/libnext-touch.so" NEXT_TOUCH_VERBOSE=1 \
		"$O/tests/next-touch" "$@" >"$tmp/out" 2>"$tmp/err" || ret=$?
	if [ $ret = 77 ]; then
		skip "libnext-touch.so and $*" "not available here"
		return
	fi
	! grep -q '^available' "$tmp/out" || some='[1-9]'
	[ "$(grep -c "^next-touch: ${some}[0-9]* VMAs marked" "$tmp/err")" = "$want" ] ||
		ret=1
	result $ret "libnext-touch.so marks $want times: $*"
}

marks 1 pthread_create pthread_create
marks 1 thrd_create thrd_create
marks 1 timer_create timer_create
marks 1 mq_notify
marks 0 timer_create-none
marks 0 aio_read
marks 2 timer_create thrd_create
marks 1 aio_read pthread_create timer_create

openmp
if [ "$status" = 77 ]; then
	skip "pages move" "needs two nodes, and a kernel with MPOL_MF_LAZY"
	finish
fi
holds "the example succeeds" "$status" = 0
sed 's/^/# /' "$tmp/out"
holds "before next touch, half of the pages are remote" "$(percent before)" -le 60
# Except for pages in the LRU batch of another CPU: 31 of 2048
holds "after next touch, all pages are local" "$(percent after)" -ge 98

# "before" starts the team, so pages migrate in the first pass
openmp LD_PRELOAD="$O/libnext-touch.so" NEXT_TOUCH_VERBOSE=1
sed 's/^/# /' "$tmp/out" "$tmp/err"
holds "with libnext-touch.so, all pages are local in the first pass" "$(percent before)" -ge 98

finish
