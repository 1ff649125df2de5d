# SPDX-License-Identifier: GPL-2.0
"""Benchmarks: judge, record and show values."""

import contextlib
import io
import json
import math
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import fake
from mof import rst
from mof.bench import auto, cost, model, record, step
from mof.bench.record import ABSENT, MISSED, OK, UNKNOWN, WORSE, Row, Value
from mof.build import Failure


def value(number, recorded=None, target="<= 1", **more):
    """A value that is compared with a record."""
    return Value(Row("row", "step", target, None, **more), number, {}, True,
                 recorded)


def bench(place, *rows, **more):
    """A benchmark with a record in place."""
    return record.Bench(Path(place) / "new" / "record.json", [], list(rows),
                        **more)


def measured(number, name="row", target="<= 1"):
    """A row that is always measured like that."""
    return Row(name, "step", target, lambda _: (number, {"pages": 1}))


def run(bench, **more):
    """Run a step that has a result already; values and output."""
    each = step.Step("bench", "2x2", "step", "", ())
    each.run = lambda again: fake.Result(out=[])
    with contextlib.redirect_stdout(io.StringIO()) as out:
        return bench.run([each], **more), out.getvalue()


class TestVerdict(unittest.TestCase):
    def test_same_or_better_is_ok(self):
        for number, recorded, target in ((0.5, 0.5, "<= 1"),
                                         (0.1, 0.5, "<= 1"),
                                         (100, 50, ">= 20")):
            self.assertEqual(value(number, recorded, target).verdict, OK)

    def test_more_than_five_percent_worse_fails(self):
        for number, recorded, target, verdict in (
                (0.5249, 0.5, "<= 1", OK), (0.526, 0.5, "<= 1", WORSE),
                (47.7, 50, ">= 20", OK), (47.5, 50, ">= 20", WORSE)):
            self.assertEqual(value(number, recorded, target).verdict, verdict)

    def test_missed_target_alone_fails_only_if_strict(self):
        self.assertEqual((value(2, 2).verdict, value(2, 2).bad),
                         (MISSED, False))
        self.assertEqual(value(10, 10, ">= 20").verdict, MISSED)
        self.assertTrue(value(2, 2, strict=True).bad)

    def test_recorded_0_has_to_stay_0(self):
        self.assertEqual(value(0, 0, "<= 0").verdict, OK)
        for number in (1, 0.01):
            self.assertEqual(value(number, 0, "<= 5").verdict, WORSE)

    def test_without_target_only_the_record_counts(self):
        self.assertEqual(value(7, 7, "none").verdict, OK)
        self.assertEqual(value(8, 7, "none").verdict, WORSE)

    def test_record_that_can_be_improved_is_reported(self):
        for number, recorded, target, better in (
                (0.4, 0.5, "<= 1", True), (0.49, 0.5, "<= 1", False),
                (60, 50, ">= 20", True), (40, 50, ">= 20", False)):
            found = value(number, recorded, target)
            self.assertEqual(found.better, better)
            self.assertEqual(", better" in found.line(), better)

    def test_missing_value_or_record_fails(self):
        for found, verdict in ((value(None, 1), ABSENT),
                               (value(0), UNKNOWN)):
            self.assertEqual((found.verdict, found.bad), (verdict, True))

    def test_time_that_never_came_reaches_no_target(self):
        for number in (None, math.inf):
            self.assertFalse(record.reached(number, "<= 1"))
        self.assertFalse(record.reached(None, ">= 1"))
        self.assertEqual(record.number(math.inf), "never")


class TestRecord(unittest.TestCase):
    def setUp(self):
        self.place = self.enterContext(tempfile.TemporaryDirectory())

    def test_recorded_values_compare_as_ok(self):
        rows = [measured(1 / 3), measured(0, "zero", "<= 0"),
                measured(200 / 7, "more", ">= 20")]
        found = bench(self.place, *rows, compared=True)
        values, _ = run(found, write=True)
        self.assertEqual([value.verdict for value in values], [OK] * 3)
        values, text = run(found)
        self.assertEqual([value.verdict for value in values], [OK] * 3)
        self.assertIn("0.3333 <= 1              0.3333 ok\n    pages 1.0000",
                      text)
        self.assertEqual(found.load()["machine"]["kernel"], "6.12")

    def test_values_are_compared_with_the_record_as_it_was(self):
        run(bench(self.place, measured(0.5), compared=True), write=True)
        values, _ = run(bench(self.place, measured(0.6), compared=True))
        self.assertEqual(values[0].verdict, WORSE)
        self.assertEqual(values[0].recorded, 0.5)

    def test_later_rows_replace_and_others_stay_in_order(self):
        run(bench(self.place, measured(0.5, "a"), measured(1, "b")),
            write=True)
        other = bench(self.place, measured(7, "c"), Row(
            "a", "elsewhere", "<= 1", None), measured(math.inf, "b"))
        run(other, write=True)
        rows = other.load()["rows"]["2x2"]
        self.assertEqual([(name, row["value"]) for name, row in rows.items()],
                         [("c", 7), ("a", 0.5), ("b", None)])

    def test_row_that_cannot_be_computed_is_reported_and_fails(self):
        def fails(_):
            raise LookupError("no such figure")
        values, text = run(bench(self.place, Row("a", "step", "<= 1", fails),
                                 measured(1)))
        self.assertEqual([value.verdict for value in values], [ABSENT, OK])
        self.assertIn("a: cannot be computed: LookupError", text)

    def test_negative_cost_is_no_ratio(self):
        for compared, verdict in ((True, ABSENT), (False, OK)):
            values, _ = run(bench(self.place, measured(-1),
                                  compared=compared))
            self.assertEqual(values[0].verdict, verdict)

    def test_missing_record_is_empty_and_a_broken_one_fails(self):
        found = bench(self.place)
        self.assertEqual(found.load(), record.empty())
        found.save({})
        found.path.write_text("{")
        with self.assertRaises(Failure):
            found.load()

    def test_text_of_a_record_is_json_with_short_lines(self):
        data = {"a": {"x": 1, "y": [1, None]}, "b": [{"s": "t"}, {}],
                "c": ["d", "e"], "f": {"g": {"h": 2}}, "i": []}
        text = record.lines(data)
        self.assertEqual(json.loads(text), data)
        self.assertEqual(len(text.splitlines()), 15)

    def test_table_goes_between_the_marks(self):
        path = Path(self.place) / "x"
        path.write_text("head\n.. begin of the table\nold\n"
                        ".. end of the table\ntail\n")
        rst.replace(path, rst.table([["head", "b"], ["a", "longer"]]))
        self.assertEqual(rst.split(path)[1].splitlines()[1:4],
                         ["head b", "==== ======", "a    longer"])
        self.assertNotIn("old", path.read_text())
        self.assertTrue(path.read_text().endswith("tail\n"))


class TestStep(unittest.TestCase):
    def setUp(self):
        place = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.boots = []
        self.enterContext(mock.patch.multiple(
            step, PLACE=place, LOGS=place / "log", watch=self.watch))

    def watch(self, _title, command, log):
        """Boot no guest."""
        self.boots.append(command[-1])
        log.write_text("no memory\n")
        return int(command[-1] == "false")

    def run_step(self, script, again=False):
        """Run a step, whose identity is its script."""
        each = step.Step("bench", "2x2", "a", script, ())
        each.identity = lambda: script
        return each.run(again)

    def test_result_is_used_again_until_the_step_changes(self):
        for script, again in (("a", False), ("a", False), ("b", False),
                              ("b", True)):
            self.run_step(script, again)
        self.assertEqual(self.boots, ["a", "b", "b"])

    def test_failed_guest_shows_its_output_and_leaves_no_result(self):
        for _ in range(2):
            with self.assertRaisesRegex(Failure, "status 1.*\nno memory"):
                self.run_step("false")
        self.assertEqual(len(self.boots), 2)


class TestTap(unittest.TestCase):
    def report(self, *values):
        """Status and output."""
        with contextlib.redirect_stdout(io.StringIO()) as out:
            return record.report(values, True), out.getvalue()

    def test_bad_rows_fail_and_missed_ones_do_not(self):
        status, text = self.report(value(2, 2), value(9, 1), value(None, 1),
                                   value(2, 2, strict=True))
        self.assertEqual(status, 1)
        for line, start in zip(
                [line for line in text.splitlines() if "ok" in line],
                ("ok 1 row: missed: 2.0000, target <= 1, recorded 2.0000",
                 "not ok 2 row: WORSE", "not ok 3 row: ABSENT",
                 "not ok 4 row: missed")):
            self.assertTrue(line.startswith(start), line)

    def test_all_good_is_status_0_and_nothing_at_all_is_not(self):
        self.assertEqual(self.report(value(1, 1))[0], 0)
        self.assertEqual(self.report()[0], 1)


class TestTables(unittest.TestCase):
    ALL = (cost.COST, cost.COSTS, auto.AUTO, auto.AUTO_SHORT, model.MODEL)

    def test_names_are_unique_and_every_row_has_a_step(self):
        for each in self.ALL:
            names = [row.name for row in each.rows]
            self.assertEqual(len(names), len(set(names)))
            self.assertLessEqual({row.step for row in each.rows},
                                 {step.name for step in each.steps})

    def test_steps_have_places_of_their_own(self):
        places = [step.place for step in
                  (*(step for each in self.ALL for step in each.steps),
                   cost.PROFILE)]
        self.assertEqual(len(places), len(set(places)))

    def test_all_steps_of_the_automatic_mode_but_off_have_rows(self):
        self.assertEqual({row.step for row in auto.ROWS} | {"off"},
                         set(auto.SCRIPTS))

    def test_committed_records_have_exactly_the_rows_of_the_tables(self):
        for each in self.ALL:
            if each is auto.AUTO_SHORT:
                continue
            where = {step.where for step in each.steps}
            found = each.load()["rows"]
            self.assertLessEqual(set(found), where)
            if each is cost.COST:
                names = [name for rows in found.values() for name in rows]
                self.assertEqual(names, [row.name for row in each.rows])
                continue
            for rows in found.values():
                self.assertEqual(list(rows), [row.name for row in each.rows])

    def test_committed_pages_have_the_tables_of_the_records(self):
        for each in (auto.AUTO, model.MODEL):
            page = each.path.with_suffix(".rst")
            self.assertEqual(rst.split(page)[1], each.table(each.load()))

    def test_committed_records_are_small(self):
        for each in self.ALL:
            self.assertLess(each.path.stat().st_size, 300 << 10)
