#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Runs the commands of mof.rst, as root in a guest of two nodes, and compares
# counts of perf with /proc/vmstat: O=BUILD-DIR perf.sh. TAP.
set -eu

here=$(dirname "$0")
# shellcheck source=tools/numa-bench/tests/tap.sh
. "$here/tap.sh"

# shellcheck source=tools/numa-bench/tests/recipes.sh
. "$here/recipes.sh"

balancing=/proc/sys/kernel/numa_balancing

counted() { # EVENT: its count by perf stat
	awk -v name="mof:$1" '$2 == name { gsub(",", "", $1); print $1 }' \
		"$tmp/out" "$tmp/err"
}

# moved FILE: sum of the pages of all migrations
moved() {
	awk '/outcome=migrated/ && match($0, /nr_pages=[0-9]+/) {
		sum += substr($0, RSTART + 9, RLENGTH - 9)
	} END { print sum + 0 }' "$1"
}

agrees() { # NAME PAGES: compares with vmstat since the last snapshot
	migrated=$(vmstat mof_migrated)
	holds "$1: pages have moved" "$2" -gt 0
	holds "$1: as many as in vmstat, but for an LRU batch" \
		"$2" -le "$migrated" -a "$migrated" -le $(($2 + lru_batch))
}

if [ ! -d /sys/kernel/tracing/events/mof ]; then
	skip "perf" "needs tracefs, and a kernel with events of mof"
	finish
fi

recipe "perf stat runs" "perf stat -e"
holds "an area and its warm-up are marked" "$(counted mof_mark)" -ge 2
holds "there are no more migrations than faults" "$(counted mof_migrate)" -gt 0 -a \
	"$(counted mof_migrate)" -le "$(vmstat mof_faults)"
holds "each fault is an event" "$(vmstat mof_faults)" -le \
	$(($(counted mof_migrate) + $(counted mof_fault)))

recipe "perf trace runs" "perf trace"
agrees "perf trace" "$(cat "$tmp/out" "$tmp/err" >"$tmp/traced" &&
	moved "$tmp/traced")"

recipe "perf record runs" "perf record"
cp "$tmp/before" "$tmp/recorded"
recipe "perf script runs" "perf script"
cp "$tmp/recorded" "$tmp/before"
agrees "perf script" "$(moved "$tmp/out")"
recipe "perf report runs" "perf report"
holds "perf report has a line per node and outcome" "$(grep -c ' migrated *$' "$tmp/out")" = 1

was=$(cat $balancing)
for mode in 0 1 4; do
	echo $mode >$balancing
	recipe "perf bench numa mem, mode $mode" "perf stat -a"
	case $mode in
	0) holds "mode 0: no hinting faults" "$(vmstat numa_hint_faults)" = 0 ;;
	1)
		holds "mode 1: hinting faults" "$(vmstat numa_hint_faults)" -gt 0
		holds "mode 1: no samples and faults of mof" "$(counted mof_sample)" = 0 -a \
			"$(vmstat mof_faults)" = 0
		;;
	4)
		holds "mode 4: samples" "$(counted mof_sample)" -gt 0 -a \
			"$(vmstat mof_samples)" -gt 0
		# perf itself may be sampled before it counts
		holds "mode 4: no more extents than in vmstat" \
			"$(counted mof_arm)" -le "$(vmstat mof_armed)"
		;;
	esac
done
echo "$was" >$balancing
finish
