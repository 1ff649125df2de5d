# SPDX-License-Identifier: GPL-2.0
"""Ratios: how they are made, and what is better or worse than recorded."""

import contextlib
import io
import json
import tempfile
import unittest
from pathlib import Path

from mof.bench import boot, compare, plan, rows, show
from mof.bench.compare import ABSENT, MISSED, OK, UNKNOWN, WORSE
from mof.build import Failure


def value(ratio, target="<= 1", name="row"):
    """A measured ratio."""
    return rows.Value(name, ratio, target, plan.SHORT, {"pages": 1})


def recorded(ratio, name="row", where=plan.SHORT):
    """A record with one row."""
    return {name: {"ratio": ratio, "target": "<= 1", "boot": where, "raw": {}}}


def verdict(ratio, old, target="<= 1"):
    """The verdict on a ratio with an old one."""
    return compare.compare([value(ratio, target)], recorded(old),
                           [plan.SHORT])[0].verdict


class TestComparator(unittest.TestCase):
    def test_same_is_ok(self):
        self.assertEqual(verdict(0.5, 0.5), OK)

    def test_better_is_ok(self):
        self.assertEqual(verdict(0.1, 0.5), OK)
        self.assertEqual(verdict(100, 50, ">= 20"), OK)

    def test_up_to_five_percent_worse_is_ok(self):
        self.assertEqual(verdict(0.5249, 0.5), OK)
        self.assertEqual(verdict(47.7, 50, ">= 20"), OK)

    def test_more_than_five_percent_worse_fails(self):
        self.assertEqual(verdict(0.526, 0.5), WORSE)
        self.assertEqual(verdict(47.5, 50, ">= 20"), WORSE)

    def test_worse_fails_although_the_target_is_reached(self):
        self.assertEqual(verdict(0.9, 0.1), WORSE)

    def test_missed_target_alone_does_not_fail(self):
        found = compare.compare([value(2)], recorded(2), [plan.SHORT])[0]
        self.assertEqual((found.verdict, found.bad), (MISSED, False))
        self.assertEqual(verdict(10, 10, ">= 20"), MISSED)

    def test_nothing_recorded_allows_nothing(self):
        self.assertEqual(verdict(0, 0, "<= 0"), OK)
        self.assertEqual(verdict(1, 0, "<= 5"), WORSE)
        self.assertEqual(verdict(0.01, 0, "<= 5"), WORSE)

    def test_without_target_only_the_record_counts(self):
        self.assertEqual(verdict(7, 7, "none"), OK)
        self.assertEqual(verdict(8, 7, "none"), WORSE)

    def test_record_that_has_become_too_easy_is_told(self):
        for ratio, old, target, better in (
                (0.4, 0.5, "<= 1", True), (0.49, 0.5, "<= 1", False),
                (60, 50, ">= 20", True), (40, 50, ">= 20", False)):
            found = compare.compare([value(ratio, target)], recorded(old),
                                    [plan.SHORT])[0]
            self.assertEqual(found.better, better)

    def test_row_that_was_not_measured_fails(self):
        found = compare.compare([], recorded(1), [plan.SHORT])[0]
        self.assertEqual((found.verdict, found.bad), (ABSENT, True))

    def test_rows_of_other_guests_are_not_missed(self):
        self.assertEqual(
            compare.compare([], recorded(1, where=plan.BIG), [plan.SHORT]), [])

    def test_row_without_record_fails(self):
        found = compare.compare([value(0)], {}, [plan.SHORT])[0]
        self.assertEqual((found.verdict, found.bad), (UNKNOWN, True))


class TestRecord(unittest.TestCase):
    def test_what_is_saved_compares_as_ok(self):
        values = [value(1 / 3), value(0, "<= 0", "zero"),
                  value(200 / 7, ">= 20", "more")]
        with tempfile.TemporaryDirectory() as path:
            record = Path(path) / "new" / "record.json"
            compare.save(values, {"kernel": "6.12"}, record)
            found = compare.compare(values, compare.load(record), [plan.SHORT])
            self.assertEqual(json.loads(record.read_text())["machine"],
                             {"kernel": "6.12"})
        self.assertEqual([line.verdict for line in found], [OK] * 3)

    def test_no_record_is_empty_and_a_broken_one_is_told(self):
        with tempfile.TemporaryDirectory() as path:
            record = Path(path) / "record.json"
            self.assertEqual(compare.load(record), {})
            record.write_text("{}")
            with self.assertRaises(Failure):
                compare.load(record)

    def test_committed_record_has_exactly_the_rows_of_the_table(self):
        self.assertEqual({name: row["boot"]
                          for name, row in compare.load().items()},
                         {row.name: row.boot for row in rows.ROWS})


class TestTap(unittest.TestCase):
    def report(self, verdicts):
        """Status and output."""
        with contextlib.redirect_stdout(io.StringIO()) as out:
            return show.report_tap(verdicts), out.getvalue()

    def test_bad_rows_fail_and_missed_ones_do_not(self):
        status, text = self.report(compare.compare(
            [value(2), value(9, name="other")],
            recorded(2) | recorded(1, "other") | recorded(1, "third"),
            [plan.SHORT]))
        self.assertEqual(status, 1)
        lines = [line for line in text.splitlines() if "ok" in line]
        self.assertRegex(lines[0], "^ok 1 row: missed: ")
        self.assertRegex(lines[1], "^not ok 2 other: WORSE")
        self.assertRegex(lines[2], "^not ok 3 third: ABSENT")

    def test_all_good_is_status_0_and_nothing_at_all_is_not(self):
        self.assertEqual(self.report(compare.compare(
            [value(1)], recorded(1), [plan.SHORT]))[0], 0)
        self.assertEqual(self.report([])[0], 1)


def result(first=0, call=0, migrated=0, profile=None, **sample):
    """What a step of 64 MiB would leave: instructions per page."""
    return boot.Result(
        {"results": [{"samples": [sample],
                      "summary": {rows.FIRST: first, rows.CALL: call}}]},
        migrated, profile)


BASE = {"memcpy_orig": 1000, "folio_mc_copy": 10}
RESULTS = {
    "none-4k": result(first=4, profile=BASE),
    "lazy-4k": result(first=3004, call=200, migrated=100, profile={
        "memcpy_orig": 151000, "folio_mc_copy": 5010, "other": 10**9}),
    "stock-4k": result(first=7604, migrated=200, profile={
        "memcpy_orig": 311000, "folio_mc_copy": 10010}),
    "move-4k": result(first=4, call=4400, migrated=100, profile={
        "memcpy_orig": 161000, "folio_mc_copy": 10}),
    "mprotect-4k": result(call=100),
}


class TestRows(unittest.TestCase):
    def test_copy_is_the_difference_by_page_migrated(self):
        self.assertEqual(RESULTS["lazy-4k"].copy(RESULTS["none-4k"]), 1550)

    def test_copy_without_migration_is_refused(self):
        with self.assertRaises(Failure):
            RESULTS["mprotect-4k"].copy(RESULTS["none-4k"])

    def test_copy_that_has_no_function_is_refused(self):
        other = boot.Result({}, 100, {"copy_by_new_means": 160000})
        with self.assertRaises(Failure):
            other.copy(RESULTS["none-4k"])

    def test_only_functions_that_copy_count_as_copy(self):
        for name in ("memcpy_orig", "folio_mc_copy", "copy_mc_to_kernel",
                     "copy_page", "copy_mc_fragile", "__memcpy"):
            self.assertTrue(boot.COPIES.fullmatch(name), name)
        for name in ("copy_page_range", "copy_page_to_iter", "copy_process",
                     "folio_migrate_copy", "memcpy_fromio", "__cond_resched"):
            self.assertFalse(boot.COPIES.fullmatch(name), name)

    def test_large_folios_may_reschedule_between_pages(self):
        none = boot.Result({}, 0, {"__cond_resched": 5})
        thp = boot.Result({}, 10, {"__cond_resched": 105, "memcpy_orig": 5000})
        self.assertEqual((thp.copy(none), thp.copy(none, True)), (500, 510))

    def test_overhead_is_without_loop_and_copy(self):
        ratio, raw = rows.against_stock(RESULTS)
        self.assertEqual(raw["lazy, instructions/page"], 1450)
        self.assertEqual(raw["window 0, instructions/page"], 6000)
        self.assertAlmostEqual(ratio, 1450 / 6000)

    def test_call_is_compared_without_its_copy(self):
        ratio, _ = rows.against_call("move-4k", "mbind-move")(RESULTS)
        self.assertAlmostEqual(ratio, 1450 / 2800)

    def test_total_has_call_and_copy(self):
        self.assertAlmostEqual(rows.totals(RESULTS)[0], 3200 / 4400)

    def test_marking_is_the_call_alone(self):
        self.assertEqual(rows.marking(RESULTS)[0], 2)

    def test_counter_that_never_counted_is_nothing(self):
        none = result(first_touch={"vmstat": {}}, touched_pages=64)
        measure = rows.hinting_faults("lazy-4k", "pages", 1)
        self.assertEqual(measure({"lazy-4k": none})[0], 0)
        some = result(first_touch={"vmstat": {"numa_hint_faults": 2}},
                      touched_pages=64)
        self.assertEqual(measure({"lazy-4k": some})[0], 1 / 32)

    def test_longest_fault_is_that_of_the_median_sample(self):
        row = {"window": 64, "samples": [{"max_ns": ns} for ns in
                                         (9 * 10**9, 198400, 200000)],
               "summary": {f"{name}_ns": 1 for name in
                           ("mean", "p50", "p99", "max")}}
        results = RESULTS | {"latency": boot.Result({"results": [row]})}
        self.assertAlmostEqual(rows.longest_wait(results)[0],
                               200000 / (64 * 1550))
        self.assertAlmostEqual(rows.waiting(0)(results)[0], 1 / 1550)

    def test_threads_are_compared_with_one_both_ways(self):
        def team(**costs):
            return {"threads": boot.Result({"results": [
                {"method": "mbind-lazy", "threads": int(count[1:]),
                 "summary": {rows.TOTAL: cost}}
                for count, cost in costs.items()]})}
        self.assertAlmostEqual(rows.threads(team(t1=100, t2=105, t8=80))[0],
                               1.25)
        self.assertAlmostEqual(rows.threads(team(t1=100, t2=110, t8=99))[0],
                               1.1)

    def test_row_that_is_not_there_is_told(self):
        with self.assertRaises(Failure):
            boot.Result({"results": []}).row(method="mbind-lazy")


    def test_what_cannot_be_computed_is_told_and_absent(self):
        results = {plan.SHORT: dict(RESULTS)}
        del results[plan.SHORT]["mprotect-4k"]
        with contextlib.redirect_stdout(io.StringIO()) as out:
            values = rows.measured(results, [plan.SHORT])
        names = {value.name for value in values}
        self.assertIn("first touch: overhead / stock engine", names)
        self.assertNotIn("mark / mprotect", names)
        self.assertIn("mark / mprotect: cannot be computed", out.getvalue())


    def test_negative_cost_is_no_ratio(self):
        results = {plan.SHORT: RESULTS | {"lazy-4k": result(
            first=100, call=200, migrated=100,
            profile={"memcpy_orig": 151000})}}
        with contextlib.redirect_stdout(io.StringIO()):
            names = {value.name for value in
                     rows.measured(results, [plan.SHORT])}
        self.assertNotIn("first touch: overhead / stock engine", names)
        self.assertIn("mark / mprotect", names)


class TestGuest(unittest.TestCase):
    def test_each_step_is_between_two_marks(self):
        text = boot.script(plan.PROFILE)
        mark = str(boot.kprof.mark())
        self.assertEqual(text.count(mark), 2 * len(plan.PROFILE.steps))
        before, step, _ = text.split(mark, 2)
        self.assertNotIn("numa-bench/numa-bench", before)
        self.assertIn("-m none", step)

    def test_every_row_has_a_guest(self):
        self.assertLessEqual({row.boot for row in rows.ROWS},
                             {guest.name for guest in plan.BOOTS})

    def test_names_of_rows_are_unique(self):
        names = [row.name for row in rows.ROWS]
        self.assertEqual(len(names), len(set(names)))


class TestProfiles(unittest.TestCase):
    def test_change_is_shown_for_functions_of_either(self):
        text = show.profiles({"total": 5, "new": 5}, {"total": 9, "old": 9})
        self.assertEqual([line.split() for line in text.splitlines()],
                         [["9.0", "5.0", "-4.0", "total"],
                          ["9.0", "0.0", "-9.0", "old"],
                          ["0.0", "5.0", "+5.0", "new"]])
