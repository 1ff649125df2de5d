# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2154
# Part of cli.sh: absurd arguments are status 2, with a message.

long=$(printf '%08192d' 0 | tr 0 9)
numbers=$(seq -s, 17)

absurd() { # ARGS
	run "$@"
	[ "$status" = 2 ] && [ -s "$tmp/err" ] && [ ! -s "$tmp/out" ] && return
	absurd_bad=1
	echo "# status $status: $(echo "$*" | cut -c 1-100)"
}

absurd_bad=0
for value in "" " " "," ",," - -1 +1 0x 1e9 nan inf 1.5 "1M,,2M" %s%n "$long" \
	18446744073709551616 9223372036854775808T "1 M" 4k4k all,all; do
	for option in --size --page-size --touch --fraction --stride --window \
		--from --repeat --warm-up --seed --unit --threads --method; do
		[ "$option$value" = --fraction1.5 ] ||
			absurd migrate "$option=$value"
	done
	for option in --workload --modes --size --threads --seconds --interval \
		--watch --busy --compute; do
		case "$option$value" in
		--seconds1.5 | --seconds+1) continue ;;
		esac
		absurd auto "$option=$value"
	done
done
for option in --size --threads --window; do
	absurd migrate "$option=$numbers"
done
absurd scale "--nodes=$numbers"
absurd touch "--fraction=$numbers"
absurd "$long"
absurd ""
absurd compare "" ""
absurd compare /proc/self /dev/null
absurd compare --threshold=nan /dev/null /dev/null
result $absurd_bad "absurd arguments are status 2, with a message"
