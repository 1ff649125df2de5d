# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2154
# Part of numa.sh: workloads of "numa-bench auto". Setting modes needs root.

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
json_is "with the balancer off, nothing moves" \
	"[s['final_local_percent'] for x in r['results'] for s in x['samples']] == [50, 100, 0]"
json_is "with the balancer off, there are no hinting faults" \
	"all(s['hint_faults'] == s['pte_updates'] == s['migrated_pages'] == 0 for x in r['results'] for s in x['samples'])"
json_is "a run that never gets local has no time to it" \
	"[s['time_to_95_percent_ns'] is None for x in r['results'] for s in x['samples']] == [True, False, True]"
json_is "each probe is in all series" \
	"all(len(v['ns']) == len(v['local_percent']) == len(v['touches']) == len(t['local_percent']) > 5 for v in $series for t in v['threads'])"
json_is "threads run on different nodes" \
	"[sorted(t['node'][-1] for t in v['threads']) for v in $series] == [[0, 1], [0, 1], [1]]"
json_is "threads touch pages until the end" \
	"all(v['touches'] == sorted(v['touches']) and v['touches'][-1] > 0 for v in $series)"
json_is "no touch is lost" \
	"all(s['lost_touches'] == 0 for x in r['results'] for s in x['samples'])"
json_is "only hold has gaps" \
	"all(s['longest_gap_ns'] is None for x in r['results'] for s in x['samples'])"
json_is "CSV has a line for each probe" \
	"len(open('$tmp/csv').readlines()) == 1 + sum(len(v['ns']) for v in $series)"
restored "the mode is restored"

auto "split, stock" -w split -S 8 --modes off,stock
json_is "the stock balancer takes faults and moves pages" \
	"all(s['hint_faults'] > 0 and s['migrated_pages'] > 512 and s['final_local_percent'] > 60 for s in r['results'][1]['samples'])"
json_is "ratios are to the modes off and stock" \
	"r['results'][0]['summary']['touches']['ratio_to_off'] == 1 and r['results'][0]['summary']['hint_faults']['ratio_to_stock'] == 0"

auto "bound memory" -w bound,bound-cpuset,bound-node -S 3 --modes stock
json_is "the balancer skips bound memory" \
	"all(s['pte_updates'] == s['hint_faults'] == 0 for s in r['results'][0]['samples'])"
json_is "bound memory stays on its node" \
	"[s['final_local_percent'] for x in r['results'] for s in x['samples']] == [50, 100, 100]"
ret=0
ls /sys/fs/cgroup/numa-bench.* >/dev/null 2>&1 && ret=1
result $ret "the cpuset is removed"

auto "interleave and shared" -w interleave,shared -S 1 --modes off
json_is "half of interleaved or shared memory is local to each thread" \
	"[s['final_local_percent'] for x in r['results'] for s in x['samples']] == [50, 50]"

auto "phase" -w phase -S 3.5 --modes off
json_is "threads take over another part after each period" \
	"[len(s['epochs_ns']) for s in r['results'][0]['samples']] == [4] and all(t['share'][0] != t['share'][-1] for v in $series for t in v['threads'])"
json_is "without migration, memory is local in every other period" \
	"[bool(t) for s in r['results'][0]['samples'] for t in [v is not None for v in s['epochs_time_to_95_percent_ns']]] == [True, False, True, False]"

auto "churn and the numa01 shapes" -w churn,numa01,numa02 -S 2 --modes off
json_is "churn runs several processes" \
	"r['results'][0]['samples'][0]['jobs'] > 4 and r['results'][0]['samples'][0]['lost_touches'] == 0"
json_is "numa01 has two processes" \
	"[x['processes'] for x in r['results'][1:]] == [2, 1]"

auto "hold" -w hold -s 64M -S 2 --modes off
json_is "hold finds a longest gap of less than a second" \
	"0 < r['results'][0]['samples'][0]['longest_gap_ns'] < 10**9"
json_is "all threads of hold have a turn" \
	"all(t['touches'] > 0 for v in $series for t in v['threads'])"

auto "THPs, and pauses" -w split -p thp -S 1 --modes current --busy 30
json_is "the current mode can be measured" \
	"[x['mode'] for x in r['results']] == ['current'] and r['options']['busy_percent'] == 30"

if grep -q mof_samples /proc/vmstat; then
	# Takes 0.2 s, and 3 s in a guest that runs at a tenth of the host's speed
	in_place="r['results'][0]['samples'][0]['final_local_percent'] >= 95"
	for seconds in 5 20 60; do
		auto "split, lazy, $seconds s" -w split -S $seconds --modes lazy
		python "assert $in_place" && break
	done
	json_is "the automatic mode moves misplaced pages" \
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
restored "the mode is restored after an interruption"
json_is "the results say that the run was interrupted" "r['interrupted']"

start_auto
kill -STOP "$pid"	# both signals at once
kill "$pid"
kill -HUP "$pid"
kill -CONT "$pid"
{ wait "$pid" || true; } 2>/dev/null
restored "the mode is restored after the second signal"
sleep 1
ret=0
pgrep -x numa-bench >/dev/null && ret=1
result $ret "no process is left"

if [ "$(id -u)" = 0 ]; then
	within "modes need root, and the table says so" 77 "needs root" \
		unprivileged auto split -s 8M -S 1 --modes off
	within "the current mode does not need root" 0 "^current" \
		unprivileged auto split -s 8M -S 1 --modes current
fi
