#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Refused system calls, missing files, limits: O=BUILD-DIR hostile.sh. TAP.
# With SANITIZED=1, $O is a build with ASan, which itself needs address space.
# shellcheck disable=SC2086
set -eu

# shellcheck source=tools/numa-bench/tests/tap.sh
. "$(dirname "$0")/tap.sh"

real=$bench
local="--from 0 --to 0 -s 2M -r 1 -p 4k"

under() { # COMMAND...: a wrapper for numa-bench
	wrapper=$*
	printf '#!/bin/sh\nexec %s "%s" "$@"\n' "$wrapper" "$real" >"$tmp/under"
	chmod +x "$tmp/under"
	bench=$tmp/under
}

privately() { # COMMAND: changes mounts in a mount namespace of numa-bench
	printf '#!/bin/sh\n%s\nexec "%s" "$@"\n' "$1" "$real" >"$tmp/inner"
	chmod +x "$tmp/inner"
	printf '#!/bin/sh\nexec unshare -m "%s" "$@"\n' "$tmp/inner" >"$tmp/under"
	chmod +x "$tmp/under"
	bench=$tmp/under
}

run migrate --from 0 --to 0 -s 2M -r 1 -m none -p 4k
if [ "$status" = 77 ]; then
	skip "refusals" "$(tail -n 1 "$tmp/err")"
	finish
fi

# A container without CAP_SYS_NICE
under "$O/tests/deny" mbind,move_pages,get_mempolicy,set_mempolicy,perf_event_open
for command in migrate touch latency scale auto; do
	expect "$command in a container without permissions is status 77" 77 \
		"seccomp profile of a container" "$command"
done
expect "info lists system calls that a container refuses" 0 \
	"move_pages *no: refused.*CAP_SYS_NICE" info

under "$O/tests/deny" mbind
expect "without mbind, migrate is status 77" 77 "mbind(2): refused" \
	migrate $local
under "$O/tests/deny" move_pages
expect "without move_pages, migrate is status 77" 77 "move_pages(2): refused" migrate $local
expect "without move_pages, auto is status 77" 77 "move_pages(2): refused" auto
under "$O/tests/deny" perf_event_open
expect "without perf_event_open, all but events is measured" 0 \
	"page-faults not counted: refused" migrate $local -m none --perf
under "$O/tests/deny" sched_setaffinity
expect "the message names a refused CPU" 1 "cannot run on CPU" \
	migrate $local -m none
under "$O/tests/deny" madvise
expect "without madvise, THPs are status 1" 1 "cannot take a sample" \
	migrate --from 0 --to 0 -s 2M -r 1 -p thp -m none

if [ "$(id -u)" = 0 ]; then
	under setpriv --reuid 65534 --clear-groups --bounding-set=-all \
		--no-new-privs
	expect "the user nobody can measure" 0 "^mbind-move" migrate $local
	expect "info lists settings that need root" 0 \
		"kernel.numa_balancing *no: \(only root\|a kernel\)" info
fi

if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	privately "mount -t tmpfs none /sys/devices/system/node"
	expect "without nodes in sysfs: status 77" 77 "needed" migrate
	expect "info works without nodes in sysfs" 0 "two nodes *no:" info
	expect "auto without nodes in sysfs: status 77" 77 "two nodes\|no usable node" \
		auto --modes current
	privately "mount -t tmpfs none /sys"
	expect "without sysfs: status 77" 77 "needed" migrate
	expect "info works without sysfs" 0 "THPs *no: no transparent" info
	privately "mount --bind /dev/null /proc/vmstat"
	expect "an empty vmstat has no counters" 0 "^none" migrate $local -m none
	if [ -z "${SANITIZED:-}" ]; then	# LeakSanitizer needs /proc
		privately "mount -t tmpfs none /proc"
		expect "without proc: status 77" 77 \
			"/proc/vmstat.*is /proc mounted" \
			migrate --from 0 --to 0 -s 2M
		expect "info works without proc" 0 "smaps *no:" info
	fi
else
	skip "missing files" "unshare -m is refused, or needs root"
fi

bench=$real
expect "more memory than the node has is left out" 77 "too little free memory" \
	migrate --from 0 --to 0 -s 8T -p 4k
expect "more pages than can be counted are status 2" 2 "more than 4294967295" \
	migrate -s 4096T
expect "auto leaves out more memory than the node has" 77 "two nodes\|too little free\|no room" \
	auto --modes current -s 8T
if [ -z "${SANITIZED:-}" ]; then
	for limit in v d; do
		under "sh -c 'ulimit -$limit 40000; exec \"\$0\" \"\$@\"'"
		expect "memory beyond ulimit -$limit is left out" 77 \
			"too much memory for" \
			migrate --from 0 --to 0 -s 64M -p 4k -m none
		expect "less memory than ulimit -$limit is measured" 0 "^none" \
			migrate $local -m none
	done
fi

status=0 ret=0
"$real" migrate $local -m none >/dev/full 2>"$tmp/err" || status=$?
[ $status = 1 ] && grep -q "cannot write" "$tmp/err" || ret=1
result $ret "a table that cannot be written is status 1"
ret=0
"$real" migrate $local -m none >"$tmp/out" 2>&- || ret=$?
result $ret "a closed standard error is not a failure"
bench=$real
expect "a full disk is status 1" 1 "cannot write /dev/full" \
	migrate $local -m none --json /dev/full
expect "a path that cannot be written is reported before measuring" 1 \
	"cannot write.*choose another --json" \
	migrate $local -r 10000 -s 64M -m none --json "$tmp/no/json"

finish
