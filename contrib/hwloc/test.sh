#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# hwloc's next touch in a guest of two nodes, without and with the patch: TAP.
set -eu

cd "$(dirname "$0")/../../build/hwloc"
tests=0
failed=0

has() { # NAME TREE PATTERN COMMAND...: its output or errors have such a line
	name=$1 tree=$2 pattern=$3
	shift 3
	tests=$((tests + 1))
	(cd "$tree" && "$@") > /tmp/hwloc.out 2>&1 || :
	if grep -Eq -- "$pattern" /tmp/hwloc.out; then
		echo "ok $tests - $tree: $name"
	else
		echo "not ok $tests - $tree: $name"
		sed 's/^/# /' /tmp/hwloc.out
		failed=1
	fi
}

info="utils/hwloc/hwloc-info --support"
# shellcheck disable=SC2086 # words
{
	has "hwloc-info says no" stock '^membind:nexttouch_membind *= 0$' $info
	has "hwloc-info says yes" patched '^membind:nexttouch_membind *= 1$' $info
}

has "is not supported" stock '^support: 0$' ./next-touch
has "for an area it is ENOSYS" stock '^all nodes: ENOSYS$' ./next-touch
has "pages stay" stock '^after: nodes 0$' ./next-touch

has "is supported" patched '^support: 1$' ./next-touch
has "memory is on the first node" patched '^before: nodes 0$' ./next-touch
has "for an area it works" patched '^all nodes: 0$' ./next-touch
has "strictly it works, too" patched '^strictly: 0$' ./next-touch
has "strictly, a page that cannot be marked fails it" patched \
	'^strictly, with an inaccessible page: EIO$' ./next-touch
has "pages stay until they are touched" patched '^untouched: nodes 0$' ./next-touch
has "pages move to the next thread that touches them" patched '^after: nodes 1$' ./next-touch
has "not to a part of the nodes only" patched \
	'^a part of the nodes: EXDEV$' ./next-touch
has "for a thread it is ENOSYS, as before" patched '^a thread: ENOSYS$' ./next-touch

# A program that is started has no pages yet
for tree in stock patched; do
	has "hwloc-bind cannot give it to a program" $tree \
		'set_membind .*failed \(errno 38' \
		utils/hwloc/hwloc-bind --membind node:0-1 \
		--mempolicy nexttouch --strict -- true
done

echo "1..$tests"
exit $failed
