# SPDX-License-Identifier: GPL-2.0
"""The cost of a migration: ratios from counts and profiles."""

import unittest

import fake
from mof.bench import cost, step
from mof.build import Failure


def run(first=0, call=0, **sample):
    """The output of a run of 64 MiB: instructions per page."""
    return [{"samples": [sample],
             "summary": {cost.FIRST: first, cost.CALL: call}}]


def result(migrated, profiles, **results):
    """A result with profiles and migrated pages of each run."""
    files = {f"{name}.{when}": f"x 1\npgmigrate_success {pages}\n"
             for name, count in migrated.items()
             for when, pages in (("before", 7), ("after", 7 + count))}
    found = fake.Result(files=files, profiles=profiles)
    found.files |= fake.Result(**results).files
    return found


RUNS = {"none-4k": run(first=4), "lazy-4k": run(first=3004, call=200),
        "stock-4k": run(first=7604), "move-4k": run(first=4, call=4400),
        "mprotect-4k": run(call=100)}
MIGRATED = {"none-4k": 0, "lazy-4k": 100, "stock-4k": 200, "move-4k": 100,
            "mprotect-4k": 0}
PROFILES = {
    "none-4k": {"memcpy_orig": 1000, "folio_mc_copy": 10},
    "lazy-4k": {"memcpy_orig": 151000, "folio_mc_copy": 5010,
                "other": 10**9},
    "stock-4k": {"memcpy_orig": 311000, "folio_mc_copy": 10010},
    "move-4k": {"memcpy_orig": 161000, "folio_mc_copy": 10},
}
RESULT = result(MIGRATED, PROFILES, **RUNS)


class TestCopy(unittest.TestCase):
    def test_copy_is_the_difference_by_page_migrated(self):
        self.assertEqual(RESULT.copy("lazy-4k", "none-4k"), 1550)

    def test_copy_without_migration_is_refused(self):
        with self.assertRaises(Failure):
            RESULT.copy("mprotect-4k", "none-4k")

    def test_copy_that_has_no_function_is_refused(self):
        other = result({"a": 100}, {"a": {"copy_by_new_means": 160000},
                                    "b": {}})
        with self.assertRaises(Failure):
            other.copy("a", "b")

    def test_only_functions_that_copy_count_as_copy(self):
        for name in ("memcpy_orig", "folio_mc_copy", "copy_mc_to_kernel",
                     "copy_page", "copy_mc_fragile", "__memcpy"):
            self.assertTrue(step.COPIES.fullmatch(name), name)
        for name in ("copy_page_range", "copy_page_to_iter", "copy_process",
                     "folio_migrate_copy", "memcpy_fromio", "__cond_resched"):
            self.assertFalse(step.COPIES.fullmatch(name), name)

    def test_large_folios_may_reschedule_between_pages(self):
        thp = result({"thp": 10}, {
            "none": {"__cond_resched": 5},
            "thp": {"__cond_resched": 105, "memcpy_orig": 5000}})
        self.assertEqual((thp.copy("thp", "none"),
                          thp.copy("thp", "none", True)), (500, 510))


class TestRows(unittest.TestCase):
    def test_overhead_is_without_loop_and_copy(self):
        ratio, raw = cost.against_stock(RESULT)
        self.assertEqual(raw["lazy, instructions/page"], 1450)
        self.assertEqual(raw["window 0, instructions/page"], 6000)
        self.assertAlmostEqual(ratio, 1450 / 6000)

    def test_call_is_compared_without_its_copy(self):
        ratio, _ = cost.against_call("move-4k", "mbind-move")(RESULT)
        self.assertAlmostEqual(ratio, 1450 / 2800)

    def test_total_has_call_and_copy(self):
        self.assertAlmostEqual(cost.totals(RESULT)[0], 3200 / 4400)

    def test_marking_is_the_call_alone(self):
        self.assertEqual(cost.marking(RESULT)[0], 2)

    def test_absent_counter_is_0(self):
        measure = cost.hinting_faults("lazy", "pages", 1)
        for counters, ratio in (({}, 0), ({"numa_hint_faults": 2}, 1 / 32)):
            found = fake.Result(lazy=run(first_touch={"vmstat": counters},
                                         touched_pages=64))
            self.assertEqual(measure(found)[0], ratio)

    def test_longest_fault_is_that_of_the_median_sample(self):
        row = {"window": 64, "samples": [{"max_ns": ns} for ns in
                                         (9 * 10**9, 198400, 200000)],
               "summary": {f"{name}_ns": 1 for name in
                           ("mean", "p50", "p99", "max")}}
        found = result(MIGRATED, PROFILES, latency=[row])
        self.assertAlmostEqual(cost.longest_wait(found)[0],
                               200000 / (64 * 1550))
        self.assertAlmostEqual(cost.waiting(0)(found)[0], 1 / 1550)

    def test_threads_are_compared_with_one_both_ways(self):
        for costs, ratio in (({1: 100, 2: 105, 8: 80}, 1.25),
                             ({1: 100, 2: 110, 8: 99}, 1.1)):
            found = fake.Result(threads=[
                {"method": "mbind-lazy", "threads": count,
                 "summary": {cost.TOTAL: instructions}}
                for count, instructions in costs.items()])
            self.assertAlmostEqual(cost.threads(found)[0], ratio)

    def test_missing_or_ambiguous_row_is_refused(self):
        two = [{"method": "mbind-lazy", "samples": [1]}] * 2
        for rows in ([], two, [two[0] | {"samples": []}]):
            with self.assertRaises(Failure):
                fake.Result(a=rows).row("a", method="mbind-lazy")


class TestGuest(unittest.TestCase):
    def test_each_run_is_between_two_marks(self):
        text = cost.PROFILE.script
        self.assertEqual(text.count(str(step.MARK)), 2 * len(cost.DIRECT))
        before, run_, _ = text.split(str(step.MARK), 2)
        self.assertNotIn("numa-bench/numa-bench", before)
        self.assertIn("-m none", run_)
        self.assertEqual(cost.PROFILE.sections, tuple(cost.DIRECT))

    def test_options_follow_from_the_step(self):
        words = list(map(str, cost.PROFILE.command()))
        for option in ("--kprof", "--functions", "--share"):
            self.assertIn(option, words)
        self.assertNotIn("--kprof", cost.STEPS[1].command())
        self.assertIn("--icount", cost.STEPS[1].commands[0])


class TestProfiles(unittest.TestCase):
    def test_change_is_shown_for_functions_of_either(self):
        lines = cost.profiles({"total": 5, "new": 5}, {"total": 9, "old": 9})
        self.assertEqual([line.split() for line in lines],
                         [["9.0", "5.0", "-4.0", "total"],
                          ["9.0", "0.0", "-9.0", "old"],
                          ["0.0", "5.0", "+5.0", "new"]])
