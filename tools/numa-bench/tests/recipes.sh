# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2034,SC2154
# Part of perf.sh and bpf.sh, after tap.sh: runs commands of mof.rst.

page=$(realpath "$here/../../../Documentation/admin-guide/mm/mof.rst")
PATH=$(realpath "$O"):$PATH
# Pages that may be in the LRU batch of another CPU, and migrate in another way
lru_batch=31
cd "$tmp"

vmstat() { # NAME: its count since the last snapshot
	cat /proc/vmstat >"$tmp/now"
	awk -v name="$1" '$1 == name { sum = $2 - sum } END { print sum }' \
		"$tmp/before" "$tmp/now"
}

recipe() { # NAME BEGINNING: run the commands of the page that begin with it
	grep "^	$2 " "$page" | sed 's/^	//' >"$tmp/recipe" || :
	cat /proc/vmstat >"$tmp/before"
	ret=0
	[ -s "$tmp/recipe" ] || ret=1
	sh -e "$tmp/recipe" >"$tmp/out" 2>"$tmp/err" || ret=$?
	result $ret "$1"
}
