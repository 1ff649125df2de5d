# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2154
# Part of numa.sh: restricted CPUs and memory, and Ctrl-C.

# A CPU of the second node, which has to be the touching one
cpu=$(sed 's/[,-].*//' /sys/devices/system/node/node1/cpulist)
within "nodes are chosen by the allowed CPUs" 0 \
	"from node 0 to node 1 .*touched by CPU $cpu" \
	taskset -c "$cpu" "$bench" migrate -s 2M -r 1 -p 4k -m none,mbind-move
within "a node without an allowed CPU is refused" 2 "has no CPU that" \
	taskset -c "$cpu" "$bench" migrate --to 0
within "threads share the allowed CPUs" 0 "^mbind-move" \
	taskset -c "$cpu" "$bench" migrate -s 2M -r 1 -p 4k -m mbind-move \
	--threads 4

cgroup=/sys/fs/cgroup/numa-bench-test
if [ "$(id -u)" = 0 ] && mkdir $cgroup 2>/dev/null &&
   echo +memory +cpuset 2>/dev/null >/sys/fs/cgroup/cgroup.subtree_control; then
	in_cgroup="sh -c 'echo \$\$ >$cgroup/cgroup.procs; exec \"\$0\" \"\$@\"'"
	echo 32M >$cgroup/memory.max
	eval within "'a memory limit is reported before it is hit'" 77 "'memory limit'" \
		"$in_cgroup" "$bench" migrate -s 64M -p 4k -m none
	eval within "'less memory than the limit is measured'" 0 '^none' \
		"$in_cgroup" "$bench" migrate -s 8M -r 1 -p 4k -m none
	echo max >$cgroup/memory.max
	echo 1 >$cgroup/cpuset.mems
	eval within "'a cpuset with one node is status 77'" 77 \
		"'two NUMA nodes'" "$in_cgroup" "$bench" migrate
	rmdir $cgroup
else
	skip "cgroups" "needs root and cgroup v2"
fi

interrupted() { # NAME ARGS: Ctrl-C reaches all of the process group
	what=$1
	shift
	# The time of the first sample varies. timeout(1) would signal the process
	# and its group, which is Ctrl-C twice
	for seconds in 2 8 32; do
		status=0
		setsid "$bench" "$@" --json "$tmp/json" >"$tmp/out" 2>"$tmp/err" &
		pid=$!
		# background processes of a shell ignore SIGINT at first
		until grep -q -e '^SigCgt:.*[2367abef]$' -e '^State:.Z' \
			/proc/$pid/status || ! kill -0 $pid; do
			sleep 0.1
		done
		sleep $seconds
		kill -s INT -- -$pid || :
		wait $pid || status=$?
		python "assert r['results'][0]['samples']" && break
	done
	holds "$what is status 130" "$status" = 130
	json_is "$what leaves the results until then" \
		"r['interrupted'] and len(r['results'][0]['samples']) > 0"
}

interrupted "Ctrl-C in migrate" migrate -s 4M -r 10000 -p 4k -m mbind-move
interrupted "Ctrl-C in touch" touch -s 4M -r 10000 -m local --threads 2 -t seq
interrupted "Ctrl-C in latency" latency -s 4M -r 10000 -p 4k
if [ -w /proc/sys/kernel/numa_balancing ]; then
	interrupted "Ctrl-C in auto" auto steady -s 4M -r 10000 -S 0.5 \
		--modes current
fi
