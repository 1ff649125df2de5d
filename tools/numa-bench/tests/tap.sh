# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# What the tests share: runs numa-bench of $O, prints TAP.

bench=$O/numa-bench
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
tests=0
failed=0
kind=${SANITIZED:+sanitized: }

result() { # STATUS NAME
	tests=$((tests + 1))
	if [ "$1" = 0 ]; then
		echo "ok $tests - $kind$2"
	else
		echo "not ok $tests - $kind$2"
		sed 's/^/# /' "$tmp/out" "$tmp/err"
		failed=1
	fi
}

skip() { # NAME REASON
	tests=$((tests + 1))
	echo "ok $tests - $kind$1 # SKIP $2"
}

run() { # ARGS: sets $status
	status=0
	"$bench" "$@" >"$tmp/out" 2>"$tmp/err" || status=$?
}

expect() { # NAME STATUS TEXT ARGS: TEXT must be in the output or the errors
	name=$1 want=$2 text=$3
	shift 3
	run "$@"
	ret=0
	[ "$status" = "$want" ] || ret=1
	cat "$tmp/out" "$tmp/err" | grep -q -- "$text" || ret=1
	result $ret "$name"
}

python() { # SCRIPT: with the results of $tmp/json as r
	echo "import json; r = json.load(open('$tmp/json')); $1" |
		python3 - >"$tmp/out" 2>"$tmp/err"
}

json_is() { # NAME EXPRESSION
	ret=0
	python "assert $2" || ret=$?
	result $ret "$1"
}

finish() {
	echo "1..$tests"
	exit $failed
}
