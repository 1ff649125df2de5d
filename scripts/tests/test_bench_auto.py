# SPDX-License-Identifier: GPL-2.0
"""The automatic mode: values and series of its runs."""

import unittest

import fake
from fake import NS
from mof.bench import auto
from mof.build import Failure


def run(workload, mode, page="4k", **figures):
    """A row of numa-bench."""
    return {"workload": workload, "mode": mode, "page_size": page,
            "samples": [{"area_pages": 1000}],
            "summary": {name: {"median": value}
                        for name, value in figures.items()}}


def pair(step, workload, name, lazy, stock, file=None):
    """A result with a figure in two modes."""
    return fake.Result(step, **{file or step: [
        run(workload, "stock", **{name: stock}),
        run(workload, "lazy", **{name: lazy})]})


class TestFigures(unittest.TestCase):
    def test_ratio_is_to_stock(self):
        measure = auto.against_stock("split", "hint_faults")
        value, raw = measure(pair("split", "split", "hint_faults", 5, 1000))
        self.assertEqual((value, raw), (0.005, {"lazy": 5, "stock": 1000}))

    def test_zero_has_no_ratio(self):
        measure = auto.against_stock("split", "hint_faults")
        with self.assertRaises(Failure):
            measure(pair("split", "split", "hint_faults", 5, 0))

    def times(self, lazy, stock):
        """A ratio of times to 95% local."""
        return auto.converged("quick", "split")(
            pair("quick", "split", auto.T95, lazy, stock))[0]

    def test_time_that_stock_never_reached_counts_as_the_run(self):
        self.assertEqual(self.times(6 * NS, 12 * NS), 0.5)
        self.assertEqual(self.times(6 * NS, None), 0.1)

    def test_time_that_lazy_never_reached_is_never(self):
        self.assertEqual(self.times(None, NS), auto.NEVER)

    def test_both_local_from_the_start_or_never_is_no_worse(self):
        self.assertEqual(self.times(0, 0), 1)
        self.assertEqual(self.times(None, None), 1)

    def test_bound_counts_faults_and_updates(self):
        result = fake.Result("bound", bound=[run("bound", "lazy", hint_faults=1,
                                          pte_updates=2)])
        self.assertEqual(auto.balanced("bound")(result)[0], 3)

    def test_late_moves_are_percent_of_all_pages_a_minute(self):
        result = pair("shared", "shared", "late_migrated_pages", 5, 50)
        self.assertEqual(auto.late_percent("shared", lambda _: 60 * NS)(result),
                         (1, {"lazy, %": 1, "stock, %": 10}))

    def test_pages_that_follow_are_percent_of_all_for_each_swap(self):
        result = pair("phase", "phase", "late_migrated_pages", 300, 30000,
                      file="fast")
        self.assertEqual(auto.late_percent(
            "fast", lambda options: options["period_ns"])(result),
                         (1, {"lazy, %": 1, "stock, %": 100}))

    def test_moves_of_an_extent_are_counted_by_address(self):
        lines = "".join(f"mof_arm: address={address:x} moves=1\n"
                        for address in (0x200000, 0x400000, 0x200000))
        value, raw = auto.most_moves(
            fake.Result("shared", {"armed.txt": lines}, shared=[]))
        self.assertEqual((value, raw["extents moved"]), (2 / 5, 2))

    def test_cap_doubles_the_time_between_moves(self):
        self.assertEqual([auto.extent_cap(seconds) for seconds in
                          (0, 1, 2, 5, 6, 13, 14, 60, 62)],
                         [1, 1, 2, 2, 3, 3, 4, 5, 6])

    def test_instructions_are_those_of_the_kernel_more_than_off(self):
        user = "[user space, firmware]"
        profiles = {"off": {user: 900, "tick": 100},
                    "stock": {user: 500, "tick": 100, "do_numa_page": 400},
                    "lazy": {user: 890, "tick": 103, "__mof_tick": 7}}
        value, raw = auto.instructions(fake.Result("steady", profiles=profiles))
        self.assertAlmostEqual(value, 10 / 1000)
        self.assertEqual(raw["stock more than off, instructions"], 400)
        self.assertEqual(raw["lazy, its own functions, instructions"], 7)

    def test_less_than_off_still_has_its_own_functions(self):
        profiles = {"off": {"tick": 1000}, "stock": {"tick": 1000},
                    "lazy": {"tick": 993, "mof_pick": 7}}
        self.assertAlmostEqual(
            auto.instructions(fake.Result("steady", profiles=profiles))[0],
            0.007)

    def test_churn_is_percent_more_than_off(self):
        result = fake.Result("churn", churn=[
            run("churn", mode, wall_ns_per_touch=value) for mode, value in
            (("off", 1000), ("stock", 1100), ("lazy", 1001))])
        value, raw = auto.extra_work(result)
        self.assertAlmostEqual(value, 0.1)
        self.assertAlmostEqual(raw["stock, %"], 10)

    def test_perf_that_ran_to_its_end_counts_as_that(self):
        text = " main,   {}, secs,           NUMA-convergence-latency\n"
        self.assertEqual(auto.perf_seconds(
            text.format("9.120") + text.format("30.058")), [9.12, 20])
        with self.assertRaises(Failure):
            auto.perf_seconds("perf: no such command")

    def test_perf_is_the_mean_of_the_runs(self):
        text = " main,   {}, secs,           NUMA-convergence-latency\n"
        result = fake.Result("perf", {
            f"{mode}.txt": "".join(map(text.format, times)) for mode, times in
            (("off", [20.1]), ("stock", [4.0, 8.0]), ("lazy", [2.0, 7.0]))})
        value, raw = auto.perf_time(result)
        self.assertEqual(value, 0.75)
        self.assertEqual(raw["lazy, mean, s"], 4.5)
        self.assertEqual(raw["lazy, most, s"], 7)

    def test_held_is_more_than_off(self):
        result = fake.Result("hold", hold=[
            run("hold", mode, longest_gap_ns=value) for mode, value in
            (("off", 20000), ("stock", 9000000), ("lazy", 120000))])
        self.assertEqual(auto.held(result)[0], 100)

    def test_memory_is_for_a_tebibyte(self):
        files = {"off": "20\n30\n25\n", "lazy": "30\n110\n40\n"}
        value, raw = auto.memory(fake.Result("memory", files, lazy=[]))
        self.assertEqual((value, raw["bytes/extent"]), (5, 10))

    def test_less_memory_than_off_is_no_figure(self):
        files = {"off": "30\n", "lazy": "29\n"}
        with self.assertRaises(Failure):
            auto.memory(fake.Result("memory", files, lazy=[]))


class TestSteps(unittest.TestCase):
    def test_scripts_have_marks_where_there_is_a_profile(self):
        for step in [*auto.STEPS, *auto.SHORT]:
            self.assertEqual(bool(step.sections), "; mark" in step.script)


class TestSeries(unittest.TestCase):
    def columns(self, count, **columns):
        """Series with times."""
        return {"s": list(range(count)), **columns}

    def test_thin_series_keep_first_and_last(self):
        found = auto.thinned(self.columns(1000, local=[
            *range(1000)]), 100)
        self.assertLessEqual(len(found["s"]), 101)
        self.assertEqual((found["s"][0], found["s"][-1]), (0, 999))
        self.assertEqual(found["s"], found["local"])

    def test_where_nothing_changes_two_points_are_enough(self):
        found = auto.thinned(self.columns(50, local=[0] * 25 + [9] * 25))
        self.assertEqual(found["s"], [0, 24, 25, 49])

    def test_single_sample_remains(self):
        self.assertEqual(auto.thinned(self.columns(1, local=[5])),
                         {"s": [0], "local": [5]})

    def test_series_are_those_of_the_first_sample(self):
        sample = {"series": {"ns": [0, NS], "local_percent": [50, 99.96],
                             "vmstat": {"numa_hint_faults": [0, 7]}}}
        rows = [run("split", "lazy") | {"samples": [sample, {}]},
                run("bound", "lazy") | {"samples": [{"series": {
                    "local_percent": [None]}}]}]
        self.assertEqual(auto.series(fake.Result(quick=rows)), {
            "quick: split 4k lazy": {"s": [0, 1], "local": [50, 100],
                                     "faults": [0, 7], "migrated": [0, 0]}})

    def test_table_shows_value_target_and_miss(self):
        rows = {"2x2": {"a": {"value": 0.5, "unit": "%", "target": "<= 0.02"}},
                "4x2": {"b": {"value": None, "unit": "", "target": "<= 1"},
                        "a": {"value": 0, "unit": "%", "target": "<= 0.02"}}}
        text = auto.table({"rows": rows})
        self.assertRegex(text, r"a +<= 0.02 % +0.5000, missed +0.0000\n")
        self.assertRegex(text, r"b +<= 1 +- +never, missed\n")
