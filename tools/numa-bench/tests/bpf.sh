#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Runs the bpftrace commands of mof.rst, as root in a guest of two nodes, and
# compares counts with /proc/vmstat: O=BUILD-DIR bpf.sh. TAP.
set -eu

here=$(dirname "$0")
scripts=$(realpath "$here/../bpftrace")
# shellcheck source=tools/numa-bench/tests/tap.sh
. "$here/tap.sh"
# shellcheck source=tools/numa-bench/tests/recipes.sh
. "$here/recipes.sh"
PATH=$scripts:$PATH

# sum MAP: sum of its entries
sum() {
	awk -v map="@$1[" 'index($0, map) == 1 { sum += $NF }
		END { print sum + 0 }' "$tmp/out"
}

if ! command -v bpftrace >/dev/null; then
	skip "bpftrace" "it is not installed"
	finish
fi
if [ ! -e /sys/kernel/tracing/uprobe_events ]; then
	skip "bpftrace" "this kernel has no CONFIG_UPROBE_EVENTS"
	finish
fi

recipe "mof-pages.bt runs" "mof-pages.bt"
holds "all pages of an area and its warm-up are marked" "$(sum marked)" -ge 2048
holds "migrated pages are those of vmstat, except for an LRU batch" \
	"$(sum migrated)" -gt 0 -a "$(sum migrated)" -le "$(vmstat mof_migrated)" \
	-a "$(vmstat mof_migrated)" -le $(($(sum migrated) + lru_batch))
holds "there is a histogram of sizes" "$(grep -c '^\[.*|@' "$tmp/out")" -ge 2

recipe "mof-wait.bt runs" "mof-wait.bt"
holds "waiting times are counted" \
	"$(sed -n 's/^@ns_a_page\[numa-bench\]: count \([0-9]*\),.*/\1/p' "$tmp/out")" -gt 0
finish
