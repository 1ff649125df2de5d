# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2154
# Part of cli.sh: "numa-bench compare" with known files.

files() { # PYTHON: changes a and b, which are equal, before they are written
	cat >"$tmp/files.py" <<-END
		import copy, json
		def sample(call, touch):
		    return {"call": {"time_ns": call}, "first_touch": {"time_ns": touch},
		            "second_touch": {"time_ns": 1}, "touched_pages": 100}
		def row(method, *costs):
		    return {"method": method, "page_size": "4k", "size_bytes": 409600,
		            "window": 64 if method == "mbind-lazy" else None,
		            "threads": 1, "nodes": 1, "area_pages": 100, "skipped": None,
		            "samples": [sample(100 * c, 50) for c in costs]}
		a = {"program": "numa-bench", "workload": "migrate", "clock_unit": "ns",
		     "version": "0.1", "date": "then",
		     "options": {"touch": "seq", "touched_percent": 100, "windows": ["default"]},
		     "kernel": {"release": "6.12.1"}, "cpu": {}, "settings": {"s": "0"},
		     "nodes": [{"cpus": "0", "distances": {"0": 10}}], "placement": {},
		     "results": [row("mbind-move", 99, 100, 101), row("mbind-lazy", 9, 10, 11)]}
		b = copy.deepcopy(a)
		$1
		json.dump(a, open("$tmp/a", "w")); json.dump(b, open("$tmp/b", "w"))
	END
	python3 "$tmp/files.py"
}

compared() { # NAME STATUS TEXT PYTHON [ARGS]
	name=$1 want=$2 text=$3
	files "$4"
	shift 4
	expect "$name" "$want" "$text" compare "$@" "$tmp/a" "$tmp/b"
}

compared "equal results are not worse" 0 "2 compared, 0 worse" ""
compared "a higher cost is worse" 1 \
	"mbind-move *total *100.50 *110.50 *1.100 .* WORSE" \
	"b['results'][0] = row('mbind-move', 109, 110, 111)"
compared "a higher cost within the threshold is not worse" 0 \
	"2 compared, 0 worse by more than 20%" \
	"b['results'][0] = row('mbind-move', 109, 110, 111)" --threshold 20%
compared "a higher cost within the spread is not worse" 0 "1 beyond that but within the spread" \
	"b['results'][0] = row('mbind-move', 20, 110, 200)"
compared "a lower cost is better" 0 "mbind-lazy .*total .* better" \
	"b['results'][1] = row('mbind-lazy', 5, 6, 7)"
compared "one sample has no spread" 1 "one sample  WORSE" \
	"b['results'][0] = row('mbind-move', 110)"
compared "the order of rows does not matter" 0 "2 compared, 0 worse" \
	"b['results'].reverse()"
compared "rows of a single file are listed" 0 "mbind-move .*only in A" \
	"b['results'][0]['size_bytes'] = 4096"
compared "rows without samples are listed" 0 "not compared; no samples in B: why" \
	"b['results'][0].update(samples=[], skipped='why')"
compared "default windows match whatever their size" 0 "2 compared" \
	"b['results'][1]['window'] = 32"
compared "explicit windows of different size do not match" 0 "window 32.*only in B" \
	"b['results'][1]['window'] = 32; a['options']['windows'] = b['options']['windows'] = [64]"
compared "another kernel is reported" 0 'kernel.release: "6.12.1" -> "6.12.2"' \
	"b['kernel']['release'] = '6.12.2'"
compared "another setting is reported" 0 'settings.s: "0" -> "1"' \
	"b['settings']['s'] = '1'"
compared "another machine is reported" 0 "nodes: 1 -> 2" \
	"b['nodes'] *= 2"
compared "figures can be chosen" 1 "call *100.00 *110.00" \
	"b['results'][0] = row('mbind-move', 109, 110, 111)" --metric call,1st-touch
compared "ns and instructions are not compared" 2 "cannot be compared" \
	"b['clock_unit'] = 'instructions'"
compared "different commands are not compared" 2 "different commands" \
	"b['workload'] = 'latency'"
compared "nothing in common is status 2" 2 "no row with samples" \
	"b['results'] = []"
compared "a file without results is status 2" 2 "no results of numa-bench" "b = [1]"
compared "a row that is a number is status 2" 2 "a row is no object" \
	"b['results'][0] = 5"
compared "members of the wrong type are ignored" 2 "no row with samples" \
	"b['results'] = a['results'] = [{'samples': 5, 'window': [], 'threads': {}, 'method': 7}]; b['nodes'] = [1]; b['options'] = 3"
echo '{"program":' >"$tmp/b"
expect "a truncated file is status 2" 2 "cannot read .*as JSON" \
	compare "$tmp/a" "$tmp/b"
expect "a missing file is status 2" 2 "cannot read" \
	compare "$tmp/a" "$tmp/none"
expect "one file is status 2" 2 "two files are needed" compare "$tmp/a"
expect "three files are status 2" 2 "not more" compare a b c
expect "a bad threshold is status 2" 2 "bad threshold" compare --threshold -1% a b
expect "a bad figure is status 2" 2 "bad list of figures" compare --metric speed a b
cp "$O/tests/latency.json" "$tmp/a"
cp "$O/tests/latency.json" "$tmp/b"
expect "latencies are compared by percentile" 0 "p99 *210.00" \
	compare "$tmp/a" "$tmp/b"
