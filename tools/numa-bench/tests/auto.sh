# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2154
# Part of numa.sh: the workloads of the automatic mode. Setting that needs root.

balancing=/proc/sys/kernel/numa_balancing
before=$(cat $balancing)
series="[s['series'] for x in r['results'] for s in x['samples']]"

auto() { # NAME ARGS
	name=$1
	shift
	run auto --json "$tmp/json" -s 16M --period 1 --settle 1 "$@"
	result "$status" "$name"
}

restored() { # NAME
	holds "$1" "$(cat $balancing)" = "$before"
}

auto "split, steady and handover, off" -w split,steady,handover -S 2 --modes off \
	--csv "$tmp/csv"
json_is "with the balancer off nothing moves: half of split is local" \
	"[s['final_local_percent'] for x in r['results'] for s in x['samples']] == [50, 100, 0]"
json_is "and there are no hinting faults" \
	"all(s['hint_faults'] == s['pte_updates'] == s['migrated_pages'] == 0 for x in r['results'] for s in x['samples'])"
json_is "what is not local by then has no time" \
	"[s['time_to_95_percent_ns'] is None for x in r['results'] for s in x['samples']] == [True, False, True]"
json_is "each look has all of the series" \
	"all(len(v['ns']) == len(v['local_percent']) == len(v['touches']) == len(t['local_percent']) > 5 for v in $series for t in v['threads'])"
json_is "threads run on different nodes" \
	"[sorted(t['node'][-1] for t in v['threads']) for v in $series] == [[0, 1], [0, 1], [1]]"
json_is "and go on with their work" \
	"all(v['touches'] == sorted(v['touches']) and v['touches'][-1] > 0 for v in $series)"
json_is "each touch is found in memory" \
	"all(s['lost_touches'] == 0 for x in r['results'] for s in x['samples'])"
json_is "nobody reads the clock there" \
	"all(s['longest_gap_ns'] is None for x in r['results'] for s in x['samples'])"
json_is "CSV has a line for each look" \
	"len(open('$tmp/csv').readlines()) == 1 + sum(len(v['ns']) for v in $series)"
restored "the balancer is as it was"

auto "split, stock" -w split -S 8 --modes off,stock
json_is "the stock balancer takes faults and moves pages" \
	"all(s['hint_faults'] > 0 and s['migrated_pages'] > 512 and s['final_local_percent'] > 60 for s in r['results'][1]['samples'])"
json_is "ratios are to the other mode" \
	"r['results'][0]['summary']['touches']['ratio_to_off'] == 1 and r['results'][0]['summary']['hint_faults']['ratio_to_stock'] == 0"

auto "bound memory" -w bound,bound-cpuset,bound-node -S 3 --modes stock
json_is "nobody looks at memory that is bound" \
	"all(s['pte_updates'] == s['hint_faults'] == 0 for s in r['results'][0]['samples'])"
json_is "what is bound stays on its node" \
	"[s['final_local_percent'] for x in r['results'] for s in x['samples']] == [50, 100, 100]"
ret=0
ls /sys/fs/cgroup/numa-bench.* >/dev/null 2>&1 && ret=1
result $ret "the cpuset is removed"

auto "interleave and shared" -w interleave,shared -S 1 --modes off
json_is "half of what is interleaved or shared is local to each thread" \
	"[s['final_local_percent'] for x in r['results'] for s in x['samples']] == [50, 50]"

auto "phase" -w phase -S 3.5 --modes off
json_is "owners swap after each period" \
	"[len(s['epochs_ns']) for s in r['results'][0]['samples']] == [4] and all(t['share'][0] != t['share'][-1] for v in $series for t in v['threads'])"
json_is "memory that stays is local in every other period only" \
	"[bool(t) for s in r['results'][0]['samples'] for t in [v is not None for v in s['epochs_time_to_95_percent_ns']]] == [True, False, True, False]"

auto "churn and the numa01 shapes" -w churn,numa01,numa02 -S 2 --modes off
json_is "processes come and go" \
	"r['results'][0]['samples'][0]['jobs'] > 4 and r['results'][0]['samples'][0]['lost_touches'] == 0"
json_is "numa01 has two processes" \
	"[x['processes'] for x in r['results'][1:]] == [2, 1]"

auto "hold" -w hold -s 64M -S 2 --modes off
json_is "a thread is held now and then, for less than a second" \
	"0 < r['results'][0]['samples'][0]['longest_gap_ns'] < 10**9"
json_is "all threads have had their turn" \
	"all(t['touches'] > 0 for v in $series for t in v['threads'])"

auto "THPs, and pauses" -w split -p thp -S 1 --modes current --busy 30
json_is "the mode may be the current one" \
	"[x['mode'] for x in r['results']] == ['current'] and r['options']['busy_percent'] == 30"

if grep -q mof_samples /proc/vmstat; then
	# It takes 0.2 s, and 3 s in a guest that has a tenth of the host's time
	in_place="r['results'][0]['samples'][0]['final_local_percent'] >= 95"
	for seconds in 5 20 60; do
		auto "split, lazy, $seconds s" -w split -S $seconds --modes lazy
		python "assert $in_place" && break
	done
	json_is "the automatic mode moves what is misplaced" \
		"$in_place, r['results']"
else
	expect "a kernel without the automatic mode leaves it out" 77 \
		"no automatic mode" auto split --modes lazy
fi

start_auto() { # returns when the mode is set; sets $pid
	"$bench" auto split -s 16M -S 600 --modes stock --json "$tmp/json" \
		>"$tmp/out" 2>"$tmp/err" &
	pid=$!
	for _ in $(seq 600); do
		[ "$(cat $balancing)" = 1 ] && break
		sleep 0.1
	done
}

echo 0 >$balancing
before=0
start_auto
kill "$pid"
status=0
wait "$pid" || status=$?
holds "a run can be interrupted" "$status" = 130
restored "the balancer is as it was after an interruption"
json_is "and the results say so" "r['interrupted']"

start_auto
kill -STOP "$pid"	# both signals at once
kill "$pid"
kill -HUP "$pid"
kill -CONT "$pid"
{ wait "$pid" || true; } 2>/dev/null
restored "the balancer is as it was after the second signal, too"
sleep 1
ret=0
pgrep -x numa-bench >/dev/null && ret=1
result $ret "no process is left behind"

if [ "$(id -u)" = 0 ]; then
	within "modes need root, and the table says so" 77 "needs root" \
		unprivileged auto split -s 8M -S 1 --modes off
	within "the current mode does not need root" 0 "^current" \
		unprivileged auto split -s 8M -S 1 --modes current
fi
