# SPDX-License-Identifier: GPL-2.0
"""The automatic mode's table: how values are made, judged and kept."""

import contextlib
import io
import json
import tempfile
import unittest
from pathlib import Path

from mof.bench import (autofigures, autoplan, autorecord, autorows, autorun,
                      autoshow)
from mof.build import Failure

NS = 10**9


def run(workload, mode, kind="4k", **figures):
    """A row of numa-bench."""
    return {"workload": workload, "mode": mode, "page_size": kind,
            "samples": [{"area_pages": 1000}],
            "summary": {name: {"median": value}
                        for name, value in figures.items()}}


class Fake(autorun.Result):
    """The files of a step, without files."""

    def __init__(self, step, files=(), profiles=(), **results):
        super().__init__(next(each for each in
                              [*autoplan.STEPS, autoplan.SHORT]
                              if each.name == step), "2x2")
        self.files = dict(files)
        self.sections = profiles
        for name, rows in results.items():
            self.files[f"{name}.json"] = json.dumps({
                "kernel": {"release": "6.12"}, "clock_unit": "instructions",
                "options": {"run_ns": 60 * NS, "settle_ns": 30 * NS,
                            "period_ns": NS,
                            "size_bytes": 64 << 30}, "results": rows})

    def text(self, name):
        try:
            return self.files[name]
        except KeyError as error:
            raise Failure(str(error)) from None

    def outputs(self):
        return {name[:-5]: json.loads(text)
                for name, text in self.files.items() if ".json" in name}

    def profiles(self):
        return self.sections


def pair(step, workload, name, lazy, stock, file=None):
    """A result with a figure in two modes."""
    return Fake(step, **{file or step: [run(workload, "stock", **{name: stock}),
                                        run(workload, "lazy", **{name: lazy})]})


class TestFigures(unittest.TestCase):
    def test_ratio_is_to_stock(self):
        measure = autofigures.against_stock("split", "hint_faults")
        value, raw = measure(pair("split", "split", "hint_faults", 5, 1000))
        self.assertEqual((value, raw), (0.005, {"lazy": 5, "stock": 1000}))

    def test_nothing_to_compare_with_is_no_ratio(self):
        measure = autofigures.against_stock("split", "hint_faults")
        with self.assertRaises(Failure):
            measure(pair("split", "split", "hint_faults", 5, 0))

    def times(self, lazy, stock):
        """A ratio of times to 95% local."""
        return autofigures.converged("quick", "split")(
            pair("quick", "split", autofigures.T95, lazy, stock))[0]

    def test_time_that_stock_never_reached_counts_as_the_run(self):
        self.assertEqual(self.times(6 * NS, 12 * NS), 0.5)
        self.assertEqual(self.times(6 * NS, None), 0.1)

    def test_time_that_lazy_never_reached_is_never(self):
        self.assertEqual(self.times(None, NS), autofigures.NEVER)

    def test_both_local_from_the_start_or_never_is_no_worse(self):
        self.assertEqual(self.times(0, 0), 1)
        self.assertEqual(self.times(None, None), 1)

    def test_bound_counts_faults_and_updates(self):
        result = Fake("bound", bound=[run("bound", "lazy", hint_faults=1,
                                          pte_updates=2)])
        self.assertEqual(autofigures.nothing("bound")(result)[0], 3)

    def test_late_moves_are_percent_of_all_pages_a_minute(self):
        result = pair("shared", "shared", "late_migrated_pages", 5, 50)
        self.assertEqual(autofigures.late_moves(result),
                         (1, {"lazy, %": 1, "stock, %": 10}))

    def test_pages_that_follow_are_percent_of_all_for_each_swap(self):
        result = pair("phase", "phase", "late_migrated_pages", 300, 30000,
                      file="fast")
        self.assertEqual(autofigures.followers(result),
                         (1, {"lazy, %": 1, "stock, %": 100}))

    def test_moves_of_an_extent_are_counted_by_address(self):
        lines = "".join(f"mof_arm: address={address:x} moves=1\n"
                        for address in (0x200000, 0x400000, 0x200000))
        value, raw = autofigures.most_moves(
            Fake("shared", {"armed.txt": lines}, shared=[]))
        self.assertEqual((value, raw["extents moved"]), (2 / 5, 2))

    def test_cap_doubles_the_time_between_moves(self):
        self.assertEqual([autoplan.extent_cap(seconds) for seconds in
                          (0, 1, 2, 5, 6, 13, 14, 60, 62)],
                         [1, 1, 2, 2, 3, 3, 4, 5, 6])

    def test_instructions_are_those_of_the_kernel_more_than_off(self):
        user = "[user space, firmware]"
        sections = [{}, {user: 900, "tick": 100}, {},
                    {user: 500, "tick": 100, "do_numa_page": 400}, {},
                    {user: 890, "tick": 103, "__mof_tick": 7}, {}]
        value, raw = autofigures.instructions(Fake("steady", profiles=sections))
        self.assertAlmostEqual(value, 10 / 1000)
        self.assertEqual(raw["stock more than off, instructions"], 400)
        self.assertEqual(raw["lazy, its own functions, instructions"], 7)

    def test_less_than_off_still_has_its_own_functions(self):
        sections = [{}, {"tick": 1000}, {}, {"tick": 1000}, {},
                    {"tick": 993, "mof_pick": 7}, {}]
        self.assertAlmostEqual(
            autofigures.instructions(Fake("steady", profiles=sections))[0],
            0.007)

    def test_churn_is_percent_more_than_off(self):
        result = Fake("churn", churn=[
            run("churn", mode, wall_ns_per_touch=value) for mode, value in
            (("off", 1000), ("stock", 1100), ("lazy", 1001))])
        value, raw = autofigures.extra_work(result)
        self.assertAlmostEqual(value, 0.1)
        self.assertAlmostEqual(raw["stock, %"], 10)

    def test_perf_that_ran_to_its_end_counts_as_that(self):
        text = " main,   {}, secs,           NUMA-convergence-latency\n"
        self.assertEqual(autofigures.perf_seconds(
            text.format("9.120") + text.format("30.058")), [9.12, 20])
        with self.assertRaises(Failure):
            autofigures.perf_seconds("perf: no such command")

    def test_perf_is_the_mean_of_the_runs(self):
        text = " main,   {}, secs,           NUMA-convergence-latency\n"
        result = Fake("perf", {
            f"{mode}.txt": "".join(map(text.format, times)) for mode, times in
            (("off", [20.1]), ("stock", [4.0, 8.0]), ("lazy", [2.0, 7.0]))})
        value, raw = autofigures.perf(result)
        self.assertEqual(value, 0.75)
        self.assertEqual(raw["lazy, mean, s"], 4.5)
        self.assertEqual(raw["lazy, most, s"], 7)

    def test_held_is_more_than_off(self):
        result = Fake("hold", hold=[
            run("hold", mode, longest_gap_ns=value) for mode, value in
            (("off", 20000), ("stock", 9000000), ("lazy", 120000))])
        self.assertEqual(autofigures.held(result)[0], 100)

    def test_memory_is_for_a_tebibyte(self):
        files = {"off": "20\n30\n25\n", "lazy": "30\n110\n40\n"}
        value, raw = autofigures.memory(Fake("memory", files, lazy=[]))
        self.assertEqual((value, raw["bytes/extent"]), (5, 10))

    def test_less_memory_than_off_is_no_figure(self):
        files = {"off": "30\n", "lazy": "29\n"}
        with self.assertRaises(Failure):
            autofigures.memory(Fake("memory", files, lazy=[]))


class TestRows(unittest.TestCase):
    def test_every_row_has_a_step_and_a_name_of_its_own(self):
        names = [row.name for row in autorows.ROWS]
        self.assertEqual(len(names), len(set(names)))
        # off is for pictures
        self.assertEqual({row.step for row in autorows.ROWS} | {"off"},
                         {step.name for step in autoplan.STEPS})
        self.assertEqual({row.step for row in autorows.SHORT}, {"short"})

    def test_verdicts_are_those_of_the_targets(self):
        row = autorows.ROWS[0]
        self.assertEqual(row.target, "<= 0.02")
        self.assertEqual(autorows.Value(row, 0.02).verdict, "ok")
        self.assertEqual(autorows.Value(row, 0.03).verdict, "missed")
        self.assertEqual(autorows.Value(row, autofigures.NEVER).verdict,
                         "missed")

    def test_what_cannot_be_computed_is_told_and_left_out(self):
        result = pair("split", "split", "hint_faults", 5, 1000)
        with contextlib.redirect_stdout(io.StringIO()) as out:
            values = autorows.measured(result)
        self.assertEqual([value.row.name for value in values],
                         ["split, 40 s: hinting faults / stock"])
        self.assertIn("worst thread: cannot be computed", out.getvalue())

    def test_tap_fails_for_what_is_missed_or_absent(self):
        rows = autorows.SHORT[:3]
        values = [autorows.Value(rows[0], 0.01), autorows.Value(rows[1], 50)]
        with contextlib.redirect_stdout(io.StringIO()) as out:
            status = autoshow.report_tap(values, rows)
        self.assertEqual(status, 1)
        text = out.getvalue()
        self.assertRegex(text, "(?m)^ok 1 split: hinting faults")
        self.assertRegex(text, "(?m)^not ok 2 split: local")
        self.assertRegex(text, "(?m)^not ok 3 .*time to 95%")

    def test_scripts_use_what_the_preamble_has(self):
        for step in [*autoplan.STEPS, autoplan.SHORT]:
            text = autorun.script(step)
            self.assertIn("auto() {", text)
            self.assertEqual(step.profile, "; mark" in step.script)


class TestRecord(unittest.TestCase):
    def columns(self, count, **columns):
        """Series with times."""
        return {"s": list(range(count)), **columns}

    def test_thin_series_keep_first_and_last(self):
        found = autorecord.thinned(self.columns(1000, local=[
            *range(1000)]), 100)
        self.assertLessEqual(len(found["s"]), 101)
        self.assertEqual((found["s"][0], found["s"][-1]), (0, 999))
        self.assertEqual(found["s"], found["local"])

    def test_where_nothing_changes_two_points_are_enough(self):
        found = autorecord.thinned(self.columns(50, local=[0] * 25 + [9] * 25))
        self.assertEqual(found["s"], [0, 24, 25, 49])

    def test_one_look_is_kept(self):
        self.assertEqual(autorecord.thinned(self.columns(1, local=[5])),
                         {"s": [0], "local": [5]})

    def merged(self, *values):
        """A record with these values."""
        record = {"machine": {}, "rows": {}, "series": {}}
        for value in values:
            autorecord.merge(record, Fake("split"),
                             [autorows.Value(autorows.ROWS[0], value)])
        return record

    def test_later_rows_replace_and_others_stay(self):
        record = self.merged(0.5, 0.01)
        autorecord.merge(record, Fake("split"), [
            autorows.Value(autorows.ROWS[2], autofigures.NEVER)])
        rows = record["rows"]["2x2"]
        self.assertEqual([row["verdict"] for row in rows.values()],
                         ["ok", "missed"])
        self.assertEqual([row["value"] for row in rows.values()],
                         [0.01, None])

    def test_what_is_saved_can_be_loaded(self):
        record = self.merged(0.5)
        record["series"]["2x2"]["split"] = {"a": {"s": [0, 1], "local": [5, 6]}}
        with tempfile.TemporaryDirectory() as path:
            file = Path(path) / "new" / "record.json"
            autorecord.save(record, file)
            self.assertEqual(autorecord.load(file), record)

    def test_table_shows_value_target_and_miss(self):
        text = autoshow.table(self.merged(0.5))
        self.assertRegex(text, r"split, 40 s: hinting faults / stock +<= 0.02 "
                         r"+0.5000, missed")

    def test_committed_text_has_the_table_of_the_record(self):
        record = autorecord.load()
        self.assertEqual(autorecord.parts(autorecord.TEXT.read_text())[1],
                         autoshow.table(record))

    def test_committed_record_is_small(self):
        self.assertLess(autorecord.RECORD.stat().st_size, 300 << 10)
