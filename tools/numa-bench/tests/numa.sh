#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Placement of pages on a machine with two nodes: O=BUILD-DIR numa.sh. TAP.
set -eu

# shellcheck source=tools/numa-bench/tests/tap.sh
. "$(dirname "$0")/tap.sh"

# Pages migrated during the call, by the whole machine
migrated="s['call']['vmstat'].get('pgmigrate_success', 0)"
# Pages that may be in the LRU batch of another CPU
lru_batch=31

# all METHOD EXPRESSION: for each sample s of each row x of the method
all() {
	echo "all($2 for x in r['results'] if x['method'] == '$1' for s in x['samples'])"
}

lazy_is() { # NAME EXPRESSION
	if grep -q "mbind-lazy left out" "$tmp/bench.err"; then
		skip "$1" "this kernel has no MPOL_MF_LAZY"
	else
		json_is "$1" "$(all mbind-lazy "$2")"
	fi
}

measure() { # NAME ARGS
	name=$1
	shift
	run migrate --json "$tmp/json" "$@"
	cp "$tmp/err" "$tmp/bench.err"
	result "$status" "$name"
}

run migrate -s 2M -r 1 -p 4k -m none
if [ "$status" = 77 ]; then
	skip "placement" "$(head -n 1 "$tmp/err")"
	finish
fi

measure "all methods, 4k pages and THPs" -s 8M -r 2
json_is "none moves nothing" "$(all none "s['moved_pages'] == 0")"
json_is "mprotect moves nothing" "$(all mprotect "s['moved_pages'] == 0")"
for method in move_pages mbind-move; do
	json_is "$method moves all pages inside the call" \
		"$(all $method "s['moved_pages'] == x['area_pages'] <= $migrated")"
	json_is "after $method no page is left behind" \
		"$(all $method "s['left_behind_pages'] == 0")"
done
json_is "THPs stay whole" \
	"all(s['thps_before'] == s['thps_after'] == 4 for x in r['results'] if x['page_size'] == 'thp' for s in x['samples'])"
lazy_is "mbind-lazy moves nothing inside the call" \
	"$migrated == 0"
lazy_is "mbind-lazy leaves at most an LRU batch of touched pages behind" \
	"s['left_behind_pages'] <= $lru_batch"

measure "a random tenth of the pages" -s 8M -r 2 -p 4k -t random -f 10% \
	-m mbind-move,mbind-lazy
json_is "mbind-move moves all pages, ten per page touched" \
	"all(s['moved_untouched_pages'] == 2048 - s['touched_pages'] and 9.9 < x['summary']['moved_per_touched'] < 10.1 for x in r['results'] if x['method'] == 'mbind-move' for s in x['samples'])"
lazy_is "mbind-lazy moves one page per page touched" \
	"0.8 <= s['moved_per_touched'] <= 1.15 and s['left_behind_pages'] <= $lru_batch"

measure "threads" -s 4M -r 2 -p 4k -t random -m mbind-move,mbind-lazy \
	--threads 2,5
lazy_is "pages touched by several threads have moved" \
	"s['left_behind_pages'] <= 5 * $lru_batch and s['mismatched_pages'] == 0"

measure "events" -s 4M -r 2 -p 4k -m mbind-lazy --threads 1,3 --perf
lazy_is "perf counts the page faults of all threads" \
	"s['first_touch']['minor_faults'] <= s['first_touch']['perf']['page-faults'] <= s['first_touch']['minor_faults'] + 20 * x['threads'] and s['first_touch']['minor_faults'] > 0"
measure "no events" -s 4M -r 1 -p 4k -m none
json_is "without --perf, no event is counted" \
	"$(all none "'perf' not in s['first_touch']")"

run scale -s 4M -r 1 -p 4k,thp --nodes 1,2 --threads 1,2 --json "$tmp/json"
result "$status" "scale over nodes and threads"
json_is "on two nodes, each part moves to the other node" \
	"all(x['pairs'] == [[0, 1], [1, 0]] for x in r['results'] if x['nodes'] == 2)"
json_is "after mbind-move no page is left behind on any of the nodes" \
	"$(all mbind-move "s['left_behind_pages'] == 0 and s['moved_pages'] == 1024")"
json_is "after mbind-lazy at most an LRU batch of each CPU is left behind" \
	"$(all mbind-lazy "s['left_behind_pages'] <= 4 * $lru_batch and s['mismatched_pages'] == 0")"

run touch -s 8M -r 2 -f 10%,100% --json "$tmp/json"
cp "$tmp/err" "$tmp/bench.err"
result "$status" "touch, on two nodes"
json_is "without a method that moves, local and remote memory stay where they are" \
	"all(s['moved_pages'] == 0 and (s['left_behind_pages'] == 0) == (x['method'] == 'local') for x in r['results'] if x['method'] != 'mbind-lazy' for s in x['samples'])"
lazy_is "touched pages move, in each order" \
	"s['left_behind_pages'] <= $lru_batch and s['mismatched_pages'] == 0"
lazy_is "few untouched pages move" \
	"s['moved_pages'] <= 1.15 * s['touched_pages'] + 8"

# shellcheck source=tools/numa-bench/tests/limits.sh
. "$(dirname "$0")/limits.sh"

# shellcheck source=tools/numa-bench/tests/pages.sh
. "$(dirname "$0")/pages.sh"

if [ -e /proc/sys/vm/mof_window_pages ]; then
	# shellcheck source=tools/numa-bench/tests/window.sh
	. "$(dirname "$0")/window.sh"
else
	skip "windows" "this kernel has no vm.mof_window_pages"
fi

if [ -w /proc/sys/kernel/numa_balancing ]; then
	# shellcheck source=tools/numa-bench/tests/auto.sh
	. "$(dirname "$0")/auto.sh"
else
	skip "auto" "needs root, and kernel.numa_balancing"
fi

finish
