# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2154
# Part of cli.sh: installed files, completion of the command line, man pages.

src=$(cd "$(dirname "$0")/.." && pwd)
status=0
make -s -f "$src/Makefile" O="$O" DESTDIR="$tmp/root" PREFIX=/usr/here install \
	>"$tmp/out" 2>"$tmp/err" || status=$?
root=$tmp/root/usr/here
for file in bin/numa-bench share/man/man1/numa-bench.1 \
	include/numa_next_touch.h share/man/man3/numa_next_touch.3 \
	lib/libnext-touch.so share/man/man7/libnext-touch.7 \
	share/bash-completion/completions/numa-bench; do
	[ -f "$root/$file" ] || status=1
done
[ -x "$root/bin/numa-bench" ] || status=1
result $status "program, manual and completion are installed"

completes() { # NAME WANT WORDS...: as if TAB were pressed after the last one
	name=$1 want=$2
	shift 2
	# shellcheck disable=SC2016
	PATH=$root/bin:$PATH bash -c '
		. "$0"
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_numa_bench
		echo "${COMPREPLY[@]}"' \
		"$root/share/bash-completion/completions/numa-bench" "$@" \
		>"$tmp/out" 2>"$tmp/err" || true
	holds "$name" "$(cat "$tmp/out")" = "$want"
}

completes "a command is completed" "migrate" numa-bench mig
completes "all commands are offered" "migrate touch latency scale auto compare info" \
	numa-bench ""
completes "an option is completed" "--threads=" \
	numa-bench migrate --thr
completes "options of other commands are not completed" "" numa-bench latency --thr
completes "a value is completed" "random" numa-bench touch --touch r
completes "a value after an equals sign is completed" "random" numa-bench touch --touch = r
completes "the last value of a list is completed" "none,mbind-move none,mbind-lazy" \
	numa-bench migrate -m none,mb
completes "workloads are completed" "handover hold" numa-bench auto h

if command -v man >/dev/null && command -v groff >/dev/null; then
	for manual in numa-bench.1 next-touch/numa_next_touch.3 \
		next-touch/libnext-touch.7; do
		man --warnings -l "$src/$manual" >"$tmp/out" 2>"$tmp/err"
		holds "the manual ${manual##*/} has no warnings" ! -s "$tmp/err"
	done
else
	skip "the manual has no warnings" "man and groff are needed"
fi
ret=0
for command in migrate touch latency scale auto compare info; do
	run $command --help
	grep -o -e '--[a-z][a-z-]*' "$tmp/out" | sort -u >"$tmp/options"
	while read -r option; do
		case $option in
		--help | --usage) continue ;;
		esac
		sed 's/\\-/-/g' "$src/numa-bench.1" | grep -q -e "$option" ||
			{ echo "$command $option" >>"$tmp/missing"; ret=1; }
	done <"$tmp/options"
done
[ $ret = 0 ] || cp "$tmp/missing" "$tmp/out"
result $ret "the manual names each option"
