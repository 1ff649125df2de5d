#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The command line of numa-bench on any machine: O=BUILD-DIR cli.sh. TAP.
set -eu

# shellcheck source=tools/numa-bench/tests/tap.sh
. "$(dirname "$0")/tap.sh"

expect "help is status 0" 0 "Usage:" --help
expect "help of the command is status 0" 0 "--fraction" migrate --help
expect "version" 0 "^numa-bench [0-9]" --version
expect "no command is status 2" 2 "a command is needed"
expect "an unknown command is status 2" 2 "no command" fly
expect "an unknown option is status 2" 2 "Try" migrate --sideways
expect "a stray word is status 2" 2 "not an option" migrate 64M
expect "a bad size is status 2" 2 "bad size" migrate --size 64Q
expect "a size of part of a page is status 2" 2 "multiple of 4K" \
	migrate --page-size 4k --size 5000
expect "a bad method is status 2" 2 "bad method" migrate --method mbind
expect "a bad order is status 2" 2 "bad order" migrate --touch seq,random
expect "a bad percentage is status 2" 2 "bad percentage" migrate -f 200%
expect "a bad number of repeats is status 2" 2 "repeats" migrate -r 0
expect "a bad unit is status 2" 2 "bad unit" migrate --unit hours
expect "a bad list of threads is status 2" 2 "bad thread list" \
	migrate --threads 1,x
expect "a bad list of windows is status 2" 2 "bad window list" migrate --window 513
expect "--window without mbind-lazy is status 2" 2 "is for the method mbind-lazy" \
	migrate --window 0 -m none
expect "a bad node is status 2" 2 "bad node" migrate --from -1

expect "help of latency is status 0" 0 "--window" latency --help
expect "latency has one method only" 2 "Try" latency --method none

expect "help of touch is status 0" 0 "strided" touch --help
expect "migrate has no local memory" 2 "bad method" migrate -m local
expect "only touch takes lists of fractions" 2 "bad percentage" \
	migrate -f 10%,20%
expect "a stride of nothing is status 2" 2 "bad number of pages" \
	touch --stride 0
expect "a bad number of warm-ups is status 2" 2 "warm-ups" migrate --warm-up -1
expect "an unknown page size is status 2, and the message lists those of the kernel" \
	2 "this kernel has 4k thp" migrate -p 3k

expect "help of scale is status 0" 0 "--nodes" scale --help
expect "a bad number of nodes is status 2" 2 "bad node list" scale --nodes 0

expect "help of auto has the expected results" 0 "handover.*fills the memory" \
	auto --help
expect "auto lists its workloads" 0 "no faults, no PTE updates" auto --list
expect "a bad workload is status 2" 2 "bad workload list" auto sideways
expect "a workload named twice is status 2" 2 "named twice" auto split split
expect "a bad mode is status 2" 2 "bad mode list" auto --modes off,5
expect "auto has one size" 2 "bad size" auto --size 1M,2M
expect "a bad duration is status 2" 2 "bad duration" auto --seconds 0
expect "a bad percentage of work is status 2" 2 "bad percentage" auto --busy 0
expect "a bad interval is status 2" 2 "bad interval" auto --interval 0
expect "a run shorter than two intervals is status 2" 2 "shorter than two intervals" \
	auto --seconds 1 --interval 600
expect "auto checks its threads" 2 "bad number of threads" auto --threads 0

run info --json "$tmp/json"
result "$status" "info"
json_is "info has nodes, settings, features and numastat" \
	"r['workload'] == 'info' and '4k' in r['page_sizes'] and 'mbind' in r['features_missing'] and isinstance(r['numastat'], dict) and r['kernel']['release']"
expect "info takes no words" 2 "is not an option" info nodes

# Written by the unit tests
cp "$O/tests/latency.json" "$tmp/json"
json_is "JSON of latencies holds a histogram and percentiles" \
	"r['workload'] == 'latency' and r['results'][0]['histogram'] == [[10, 1], [20, 2], [400, 1]] and r['results'][0]['summary']['p50_ns'] == 20"
json_is "JSON of latencies holds each sample" \
	"[s['max_ns'] for s in r['results'][0]['samples']] == [20, 400] and r['results'][1]['skipped'] == 'it'"

# shellcheck source=tools/numa-bench/tests/install.sh
. "$(dirname "$0")/install.sh"

# shellcheck source=tools/numa-bench/tests/absurd.sh
. "$(dirname "$0")/absurd.sh"

# shellcheck source=tools/numa-bench/tests/compare.sh
. "$(dirname "$0")/compare.sh"

run migrate --from 0 --to 0 -s 2M -r 1 -m none -p 4k
if [ "$status" = 77 ]; then
	skip "measuring" "$(tail -n 1 "$tmp/err")"
	finish
fi

expect "a node that does not exist is status 2" 2 "does not exist" \
	migrate --from 1000
expect "the table has a row per method" 0 "^mprotect" \
	migrate --from 0 --to 0 -s 2M -r 2
expect "the unit can be instructions" 0 "^Instructions per" \
	migrate --from 0 --to 0 -s 2M -r 1 -m none --unit instructions

run migrate --from 0 --to 0 -s 2M,4M -r 3 -m none,mbind-move -p 4k \
	--json "$tmp/json" --csv "$tmp/csv"
result "$status" "results are written to files"
json_is "JSON holds every sample" \
	"[len(x['samples']) for x in r['results']] == [3] * 4"
json_is "JSON names kernel, settings, nodes and arguments" \
	"r['kernel']['release'] and r['settings'] and r['nodes'][0]['distances']['0'] == 10 and '2M,4M' in r['options']['arguments']"
json_is "all pages are on the node" \
	"all(s['node_pages'] == {'0': x['area_pages']} and s['mismatched_pages'] == 0 for x in r['results'] for s in x['samples'])"
json_is "the median lies between the extremes" \
	"all(s['min_ns'] <= s['median_ns'] <= s['max_ns'] for x in r['results'] for s in [x['summary']['call']])"
holds "CSV has a head and a line per sample" "$(wc -l <"$tmp/csv")" = 13

run migrate --from 0 --to 0 -s 2M -r 2 -m none,mbind-move -p 4k -t random \
	--threads 1,3 --json "$tmp/json" --csv "$tmp/csv"
result "$status" "threads touch"
json_is "rows name the number of threads" \
	"[x['threads'] for x in r['results']] == [1, 1, 3, 3] and r['options']['threads'] == [1, 3]"
json_is "threads touch each page twice in total" \
	"all(s['mismatched_pages'] == 0 and s['touched_pages'] == 512 for x in r['results'] for s in x['samples'])"
json_is "each phase has cost and wall time" \
	"all(s[p][t] > 0 for x in r['results'] for s in x['samples'] for p in ('first_touch', 'second_touch') for t in ('time_ns', 'wall_ns'))"
expect "more threads than pages are left out" 77 "more threads than pages" \
	migrate --from 0 --to 0 -s 4K -m none -p 4k --threads 2

run touch --from 0 --to 0 -s 2M -r 2 -m local,none -f 25%,100% --threads 1,3 \
	--stride 7 --json "$tmp/json" --csv "$tmp/csv"
result "$status" "touch over orders, fractions and threads"
json_is "touch has a row for each combination" \
	"len(r['results']) == 3 * 2 * 2 * 2 and len({(x['touch'], x['touched_percent'], x['threads'], x['method']) for x in r['results']}) == 24"
json_is "fractions of the pages are touched, in each order" \
	"all(s['touched_pages'] == 512 * x['touched_percent'] / 100 and s['mismatched_pages'] == 0 for x in r['results'] for s in x['samples'])"
json_is "only strided rows have a stride" \
	"all((x.get('stride_pages') == 7) == (x['touch'] == 'strided') for x in r['results'])"
json_is "ratios are to local memory" \
	"all(x['first_touch_to_local_ratio'] == 1 for x in r['results'] if x['method'] == 'local')"
ret=0
[ "$(head -n 1 "$tmp/csv" | tr , '\n' | wc -l)" = \
	"$(tail -n 1 "$tmp/csv" | tr , '\n' | wc -l)" ] || ret=1
result $ret "each column of CSV has a name"

run scale --from 0 --to 0 --sizes 2M,4M -r 1 --threads 1,2 --nodes 1,64 \
	--json "$tmp/json" --csv "$tmp/csv"
result "$status" "scale over sizes, threads and nodes"
json_is "scale has a row for each combination and method" \
	"len(r['results']) == 2 * 2 * 2 * 2 and r['workload'] == 'scale'"
json_is "ratios are to the first row" \
	"r['results'][0]['total_to_first_ratio'] == 1 and r['results'][0]['pairs'] == [[0, 0]]"
json_is "rows with more nodes than the machine are left out" \
	"all('too few nodes' in x['skipped'] for x in r['results'] if x['nodes'] == 64 and x['method'] == 'mbind-move')"

run migrate --from 0 --to 0 -s 2M -r 1 -m none --json -
cp "$tmp/out" "$tmp/json"
json_is "JSON on stdout comes without the table" "r['workload'] == 'migrate'"

# Background processes of sh ignore SIGINT; SIGTERM is handled alike
"$bench" migrate --from 0 --to 0 -s 8M -r 10000 -m none -p 4k \
	--json "$tmp/json" >"$tmp/out" 2>"$tmp/err" &
pid=$!
sleep 1
kill "$pid"
status=0
wait "$pid" || status=$?
holds "an interrupted run is status 130" "$status" = 130
json_is "an interrupted run writes its results" \
	"r['interrupted'] and 0 < len(r['results'][0]['samples']) < 10000"

finish
