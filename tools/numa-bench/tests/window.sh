# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2154
# Part of numa.sh: tests that set vm.mof_window_pages, as root.

window=/proc/sys/vm/mof_window_pages
before=$(cat $window)
measure "windows" -s 4M -r 2 -p 4k -m mbind-move,mbind-lazy \
	--window 0,8,default
json_is "only mbind-lazy has a row for each window" \
	"[x['window'] for x in r['results']] == [None, 0, 8, $before]"
lazy_is "a fault resolves no more pages than the window" \
	"s['first_touch']['vmstat']['mof_faults'] * max(x['window'], 1) >= 1024"
json_is "a window of 0 takes a fault for each page, a larger window fewer" \
	"all((s['first_touch']['vmstat']['mof_faults'] == 1024) == (x['window'] == 0) for x in r['results'][1:] for s in x['samples'])"
restored() { # NAME
	holds "$1" "$(cat $window)" = "$before"
}
restored "the window is restored"

start() { # ARGS: returns when the window is set; sets $pid
	"$bench" migrate -r 10000 -m mbind-lazy -p 4k --window 3 "$@" \
		>"$tmp/out" 2>"$tmp/err" &
	pid=$!
	for _ in $(seq 600); do
		[ "$(cat $window)" = 3 ] && break
		sleep 0.1
	done
}

start -s 16M
holds "the window is set while its row is measured" "$(cat $window)" = 3
kill "$pid"
status=0
wait "$pid" || status=$?
holds "a run with windows can be interrupted" "$status" = 130
restored "the window is restored after an interruption"

start -s 64M
kill "$pid"
kill -HUP "$pid"
{ wait "$pid" || true; } 2>/dev/null
restored "the window is restored after the second signal"

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
	json_is "touched pages have moved, $order" \
		"all(s['left_behind_pages'] <= $lru_batch and s['mismatched_pages'] == 0 for x in r['results'] for s in x['samples'])"
done

if [ "$(id -u)" = 0 ]; then
	within "setting windows needs root, and the message says so" 77 "run as root" \
		unprivileged migrate -s 2M -r 1 -p 4k -m mbind-lazy --window 0
fi
