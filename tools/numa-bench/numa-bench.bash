# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Completion of numa-bench for bash, with the commands, options and workloads that
# the program lists.

_numa_bench_words() { # OPTION COMMAND: possible values
	local thp=/sys/kernel/mm/transparent_hugepage size

	case $1 in
	-m | --method)
		echo none move_pages mbind-move mbind-lazy mprotect all
		[[ $2 != touch ]] || echo local ;;
	-p | --page-size)
		echo 4k thp
		[[ $2 != auto ]] || return 0
		for size in "$thp"/hugepages-*kB/enabled; do
			size=${size#"$thp"/hugepages-}
			[[ $size == [1-9]* ]] && echo "${size%kB/enabled}k"
		done ;;
	-t | --touch) echo seq random strided ;;
	--unit) echo ns instructions ;;
	--window) echo default 0 64 ;;
	--modes) echo off stock lazy current ;;
	--from | --to)
		for size in /sys/devices/system/node/node[0-9]*; do
			echo "${size##*node}"
		done ;;
	--metric)
		echo all total call 1st-touch 2nd-touch 1st-wall mean p50 p90 p99 \
			p99.9 max t95 local% faults touches ;;
	-w | --workload)
		numa-bench auto --list | sed -n '/->/!s/^ *\([^ ]*\).*/\1/p' ;;
	*) return 1 ;;
	esac 2>/dev/null
}

# The options of a command, with = if they take a value
_numa_bench_options() { # [COMMAND]
	numa-bench ${1:+"$1"} --help 2>/dev/null |
		grep -o -e '--[a-z][a-z-]*\(=\|\[\|\)' | sed 's/\[$//' | sort -u
}

_numa_bench_commands() {
	numa-bench --help 2>/dev/null |
		sed -n '/^ *Commands:/,/^$/s/^  \([a-z]*\)  .*/\1/p'
}

# "none,mb" is completed to "none,mbind-move" and "none,mbind-lazy".
_numa_bench_reply() { # CURRENT-WORD WORDS
	local before=""

	[[ $1 != *,* ]] || before=${1%,*},
	mapfile -t COMPREPLY < <(compgen -P "$before" -W "$2" -- "${1##*,}")
}

_numa_bench() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local command=${COMP_WORDS[1]} words

	COMPREPLY=()
	if [[ $cur == = ]]; then
		cur=""
	elif [[ $prev == = ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	if [[ $COMP_CWORD == 1 ]]; then
		[[ $cur == -* ]] && words=$(_numa_bench_options) ||
			words=$(_numa_bench_commands)
	elif words=$(_numa_bench_words "$prev" "$command"); then
		:
	elif [[ $cur == -* ]]; then
		words=$(_numa_bench_options "$command")
		compopt -o nospace 2>/dev/null
	elif [[ $command == auto && $prev != -* ]]; then
		words=$(_numa_bench_words -w auto)
	else
		compopt -o default 2>/dev/null	# files
		return 0
	fi
	_numa_bench_reply "$cur" "$words"
}

complete -F _numa_bench numa-bench
