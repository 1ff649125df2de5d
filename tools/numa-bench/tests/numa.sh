#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Placement of pages on a machine with two nodes: O=BUILD-DIR numa.sh. TAP.
set -eu

# shellcheck source=tools/numa-bench/tests/tap.sh
. "$(dirname "$0")/tap.sh"

# Pages that the whole machine migrated during the call
migrated="s['call']['vmstat'].get('pgmigrate_success', 0)"
# What may sit in the list of fresh pages of the CPU that wrote them
lru_batch=31

# all METHOD EXPRESSION: holds for each sample s of each row x of the method
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
json_is "mbind-move moves those not touched as well" \
	"$(all mbind-move "s['moved_untouched_pages'] == 2048 - s['touched_pages']")"
lazy_is "mbind-lazy moves hardly more than what is touched" \
	"s['left_behind_pages'] <= $lru_batch and s['moved_pages'] <= 1.15 * s['touched_pages']"

finish
