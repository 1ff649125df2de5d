#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Runs the commands of mof.rst, in a guest with two nodes, as root, and
# compares what perf counts with /proc/vmstat: O=BUILD-DIR perf.sh. TAP.
set -eu

here=$(dirname "$0")
# shellcheck source=tools/numa-bench/tests/tap.sh
. "$here/tap.sh"

# shellcheck source=tools/numa-bench/tests/recipes.sh
. "$here/recipes.sh"

balancing=/proc/sys/kernel/numa_balancing

counted() { # EVENT: what perf stat says
	awk -v name="mof:$1" '$2 == name { gsub(",", "", $1); print $1 }' \
		"$tmp/out" "$tmp/err"
}

# moved FILE: pages of the lines that tell of a migration
moved() {
	awk '/outcome=migrated/ && match($0, /nr_pages=[0-9]+/) {
		sum += substr($0, RSTART + 9, RLENGTH - 9)
	} END { print sum + 0 }' "$1"
}

agrees() { # NAME PAGES: they are what was migrated since the last snapshot
	migrated=$(vmstat mof_migrated)
	holds "$1: pages have moved" "$2" -gt 0
	holds "$1: as many as in vmstat, but for an LRU batch" \
		"$2" -le "$migrated" -a "$migrated" -le $(($2 + lru_batch))
}

if [ ! -d /sys/kernel/tracing/events/mof ]; then
	skip "perf" "this kernel has no events of mof, or tracefs is not there"
	finish
fi

recipe "perf stat counts" "perf stat -e"
holds "an area and its warm-up are marked" "$(counted mof_mark)" -ge 2
holds "each migration is that of a fault" "$(counted mof_migrate)" -gt 0 -a \
	"$(counted mof_migrate)" -le "$(vmstat mof_faults)"
holds "each fault is an event" "$(vmstat mof_faults)" -le \
	$(($(counted mof_migrate) + $(counted mof_fault)))

recipe "perf trace prints" "perf trace"
agrees "perf trace" "$(cat "$tmp/out" "$tmp/err" >"$tmp/traced" &&
	moved "$tmp/traced")"

recipe "perf record keeps" "perf record"
cp "$tmp/before" "$tmp/recorded"
recipe "perf script prints" "perf script"
cp "$tmp/recorded" "$tmp/before"
agrees "perf script" "$(moved "$tmp/out")"
recipe "perf report sums up" "perf report"
holds "by node and outcome" "$(grep -c ' migrated *$' "$tmp/out")" = 1

was=$(cat $balancing)
for mode in 0 1 4; do
	echo $mode >$balancing
	recipe "perf bench numa mem, mode $mode" "perf stat -a"
	case $mode in
	0) holds "mode 0: no hinting faults" "$(vmstat numa_hint_faults)" = 0 ;;
	1)
		holds "mode 1: hinting faults" "$(vmstat numa_hint_faults)" -gt 0
		holds "mode 1: none of them ours" "$(counted mof_sample)" = 0 -a \
			"$(vmstat mof_faults)" = 0
		;;
	4)
		holds "mode 4: samples" "$(counted mof_sample)" -gt 0 -a \
			"$(vmstat mof_samples)" -gt 0
		# perf itself may be looked at before it counts
		holds "mode 4: no more extents than in vmstat" \
			"$(counted mof_arm)" -le "$(vmstat mof_armed)"
		;;
	esac
done
echo "$was" >$balancing
finish
