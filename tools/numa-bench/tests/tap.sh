# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# Functions shared by the tests: run numa-bench of $O, print TAP.

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

within() { # NAME STATUS TEXT COMMAND...: TEXT must be in its output or errors
	name=$1 want=$2 text=$3
	shift 3
	status=0
	"$@" >"$tmp/out" 2>"$tmp/err" || status=$?
	ret=0
	[ "$status" = "$want" ] || ret=1
	cat "$tmp/out" "$tmp/err" | grep -q -- "$text" || ret=1
	result $ret "$name"
}

expect() { # NAME STATUS TEXT ARGS: the same for numa-bench
	name=$1 want=$2 text=$3
	shift 3
	within "$name" "$want" "$text" "$bench" "$@"
}

holds() { # NAME EXPRESSION of test(1)
	name=$1
	shift
	ret=0
	[ "$@" ] || ret=1
	echo "$*" >>"$tmp/err"
	result $ret "$name"
}

unprivileged() { # ARGS
	setpriv --reuid 65534 --clear-groups "$bench" "$@"
}

python() { # SCRIPT: r has the results of $tmp/json
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
