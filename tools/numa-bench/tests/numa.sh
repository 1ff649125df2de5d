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
json_is "mbind-move moves ten pages per page touched" \
	"all(9.9 < x['summary']['moved_per_touched'] < 10.1 for x in r['results'] if x['method'] == 'mbind-move')"
lazy_is "mbind-lazy moves one page per page touched" \
	"0.8 <= s['moved_per_touched'] <= 1.15"
json_is "mbind-move moves those not touched as well" \
	"$(all mbind-move "s['moved_untouched_pages'] == 2048 - s['touched_pages']")"
lazy_is "mbind-lazy moves hardly more than what is touched" \
	"s['left_behind_pages'] <= $lru_batch and s['moved_pages'] <= 1.15 * s['touched_pages']"

window=/proc/sys/vm/mof_window_pages
if [ ! -e $window ]; then
	skip "windows" "this kernel has no vm.mof_window_pages"
	finish
fi
before=$(cat $window)
measure "windows" -s 4M -r 2 -p 4k -m mbind-move,mbind-lazy \
	--window 0,8,default
json_is "mbind-lazy has a row for each window, and no other method" \
	"[x['window'] for x in r['results']] == [None, 0, 8, $before]"
lazy_is "a fault resolves no more pages than the window" \
	"s['first_touch']['vmstat']['mof_faults'] * max(x['window'], 1) >= 1024"
json_is "a window of 0 takes a fault for each page, a larger one fewer" \
	"all((s['first_touch']['vmstat']['mof_faults'] == 1024) == (x['window'] == 0) for x in r['results'][1:] for s in x['samples'])"
restored() { # NAME
	ret=0
	[ "$(cat $window)" = "$before" ] || ret=1
	result $ret "$1"
}
restored "the window is restored"

"$bench" migrate -s 16M -r 10000 -m mbind-lazy -p 4k --window 3 \
	--json "$tmp/json" >"$tmp/out" 2>"$tmp/err" &
pid=$!
for _ in $(seq 600); do
	[ "$(cat $window)" = 3 ] && break
	sleep 0.1
done
ret=0
[ "$(cat $window)" = 3 ] || ret=1
result $ret "the window is set while its row is measured"
kill "$pid"
status=0
wait "$pid" || status=$?
ret=0
[ "$status" = 130 ] || ret=1
result $ret "a run with windows can be interrupted"
restored "the window is restored after an interruption"

"$bench" migrate -s 64M -r 10000 -m mbind-lazy -p 4k --window 3 \
	>"$tmp/out" 2>"$tmp/err" &
pid=$!
for _ in $(seq 600); do
	[ "$(cat $window)" = 3 ] && break
	sleep 0.1
done
kill "$pid"
kill -HUP "$pid"
wait "$pid" || true
restored "the window is restored by the second signal, too"

measure "threads" -s 4M -r 2 -p 4k -t random -m mbind-move,mbind-lazy \
	--threads 2,5
lazy_is "what several threads touch has moved" \
	"s['left_behind_pages'] <= 5 * $lru_batch and s['mismatched_pages'] == 0"

for order in seq random; do
	run latency -s 4M -r 2 -p 4k -t $order --window 0,64 --json "$tmp/json" \
		--csv "$tmp/csv"
	result "$status" "latency, $order"
	json_is "a window of 0 has each touch fault, $order" \
		"r['results'][0]['summary']['faulting_touches'] == 2048"
	json_is "the histogram holds each touch that faulted, $order" \
		"all(sum(n for _, n in x['histogram']) == x['summary']['faulting_touches'] for x in r['results'])"
	json_is "percentiles ascend to the last of the histogram, $order" \
		"all(s['p50_ns'] <= s['p90_ns'] <= s['p99_ns'] <= s['p999_ns'] <= s['max_ns'] == x['histogram'][-1][0] for x in r['results'] for s in [x['summary']])"
	json_is "CSV holds the same, $order" \
		"sum(int(l.split(',')[-1]) for l in open('$tmp/csv').readlines()[1:]) == sum(x['summary']['faulting_touches'] for x in r['results'])"
	json_is "what was touched one by one has moved, $order" \
		"all(s['left_behind_pages'] <= $lru_batch and s['mismatched_pages'] == 0 for x in r['results'] for s in x['samples'])"
done

if [ "$(id -u)" = 0 ]; then
	status=0
	setpriv --reuid 65534 --clear-groups "$bench" migrate -s 2M -r 1 -p 4k \
		-m mbind-lazy --window 0 >"$tmp/out" 2>"$tmp/err" || status=$?
	ret=0
	[ "$status" = 77 ] && grep -q "run as root" "$tmp/err" || ret=1
	result $ret "windows need root, and the message says so"
fi

finish
