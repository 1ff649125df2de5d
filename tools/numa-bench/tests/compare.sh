# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2154
# Part of cli.sh: "numa-bench compare", with files of known content.

files() { # PYTHON: writes a and b, both as they are before it
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

compared "what is the same is not worse" 0 "2 compared, 0 worse" ""
compared "what costs more is worse, with its ratio" 1 \
	"mbind-move *total *100.50 *110.50 *1.100 .* WORSE" \
	"b['results'][0] = row('mbind-move', 109, 110, 111)"
compared "unless the threshold is higher" 0 "2 compared, 0 worse by more than 20%" \
	"b['results'][0] = row('mbind-move', 109, 110, 111)" --threshold 20%
compared "or the samples are further apart" 0 "1 beyond that but within the spread" \
	"b['results'][0] = row('mbind-move', 20, 110, 200)"
compared "what costs less is better" 0 "mbind-lazy .*total .* better" \
	"b['results'][1] = row('mbind-lazy', 5, 6, 7)"
compared "one sample has no spread" 1 "one sample  WORSE" \
	"b['results'][0] = row('mbind-move', 110)"
compared "rows are found in another order" 0 "2 compared, 0 worse" \
	"b['results'].reverse()"
compared "rows of one file are named" 0 "mbind-move .*only in A" \
	"b['results'][0]['size_bytes'] = 4096"
compared "rows without samples are named" 0 "not compared; no samples in B: why" \
	"b['results'][0].update(samples=[], skipped='why')"
compared "a default window is the same, whatever its size" 0 "2 compared" \
	"b['results'][1]['window'] = 32"
compared "a window that was chosen is not" 0 "window 32.*only in B" \
	"b['results'][1]['window'] = 32; a['options']['windows'] = b['options']['windows'] = [64]"
compared "another kernel is pointed out" 0 'kernel.release: "6.12.1" -> "6.12.2"' \
	"b['kernel']['release'] = '6.12.2'"
compared "another setting is" 0 'settings.s: "0" -> "1"' \
	"b['settings']['s'] = '1'"
compared "another machine is" 0 "nodes: 1 -> 2" \
	"b['nodes'] *= 2"
compared "figures can be chosen" 1 "call *100.00 *110.00" \
	"b['results'][0] = row('mbind-move', 109, 110, 111)" --metric call,1st-touch
compared "ns are not instructions" 2 "cannot be compared" \
	"b['clock_unit'] = 'instructions'"
compared "nor is one command another" 2 "different commands" \
	"b['workload'] = 'latency'"
compared "nothing in common is status 2" 2 "no row with samples" \
	"b['results'] = []"
compared "what is no result is status 2" 2 "no results of numa-bench" "b = [1]"
compared "nor is a row that is a number" 2 "a row is no object" \
	"b['results'][0] = 5"
compared "members of the wrong type are left out" 2 "no row with samples" \
	"b['results'] = a['results'] = [{'samples': 5, 'window': [], 'threads': {}, 'method': 7}]; b['nodes'] = [1]; b['options'] = 3"
echo '{"program":' >"$tmp/b"
expect "half a file is status 2" 2 "cannot read .*as JSON" \
	compare "$tmp/a" "$tmp/b"
expect "a file that is not there is status 2" 2 "cannot read" \
	compare "$tmp/a" "$tmp/none"
expect "compare needs two files" 2 "two files are needed" compare "$tmp/a"
expect "and no more" 2 "not more" compare a b c
expect "a bad threshold is status 2" 2 "bad threshold" compare --threshold -1% a b
expect "a bad figure is status 2" 2 "bad list of figures" compare --metric speed a b
cp "$O/tests/latency.json" "$tmp/a"
cp "$O/tests/latency.json" "$tmp/b"
expect "latencies are compared by percentile" 0 "p99 *210.00" \
	compare "$tmp/a" "$tmp/b"
