# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2154
# Part of numa.sh: THPs smaller than a PMD. Enabling sizes needs root.

thp=/sys/kernel/mm/transparent_hugepage
enabled() {
	cat $thp/hugepages-*kB/enabled
}

if [ -e $thp/hugepages-64kB/stats/nr_anon ] &&
   [ -w $thp/hugepages-64kB/enabled ]; then
	before=$(enabled)
	measure "64k and 256k pages" -s 8M -r 2 -p 64k,4k,256k
	json_is "an area consists of pages of its size" \
		"{(x['page_size'], s['thps_before']) for x in r['results'] for s in x['samples']} == {('64k', 128), ('4k', 0), ('256k', 32)}"
	json_is "mbind-move does not split them" \
		"all(s['thps_after'] == s['thps_before'] and s['left_behind_pages'] == 0 for x in r['results'] if x['method'] == 'mbind-move' for s in x['samples'])"
	lazy_is "mbind-lazy moves them with their contents" \
		"s['left_behind_pages'] == 0 and s['mismatched_pages'] == 0"
	holds "enabled sizes are restored" "$(enabled)" = "$before"
	within "choosing a size needs root, and the table says so" 77 \
		"not enabled alone.*run as root" \
		unprivileged migrate -s 2M -r 1 -p 64k -m none
else
	skip "sizes of THPs" "needs root, and a kernel with several sizes"
fi
