# SPDX-License-Identifier: GPL-2.0
"""Soak tests: the plan, injected faults, and sums of runs."""

import json
import random
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from mof import soak, soak_guest


def row(profile="kasan", revision="now", **more):
    """A part in state.json."""
    return {"profile": profile, "seed": 1, "revision": revision, "status": 0,
            "warnings": 0, "leaks": {}, "problems": [],
            "injected": {"failslab": 3}, "done": {"operations": 10,
                                                  "seconds": 60},
            "races": {}} | more


def phase(**more):
    """The results of a phase."""
    return {"plan": {"program": "mof_stress", "seconds": 60, "inject": True},
            "status": 0, "failed": [], "said": {}, "counted": {}} | more


class TestPlan(unittest.TestCase):
    def test_minutes_are_split_over_profiles(self):
        for minutes in (2, 20, 61):
            parts = soak.soak_parts(minutes, 1)
            for profile in soak.PROFILES:
                seconds = sum(each["seconds"] for part in parts
                              if part.profile == profile
                              for each in part.phases[1:])
                self.assertAlmostEqual(seconds / (60 * minutes / 2), 1,
                                       delta=0.1)

    def test_no_guest_runs_for_longer_than_a_part(self):
        for part in soak.soak_parts(300, 1):
            self.assertLessEqual(sum(each["seconds"]
                                     for each in part.phases[1:]),
                                 60 * soak.PART + 10)

    def test_each_guest_has_both_programs_modes_and_faults(self):
        for part in soak.soak_parts(20, 1):
            kinds = {(each["program"], each["balancing"], each["inject"])
                     for each in part.phases[1:]}
            self.assertEqual(len(kinds), 8)
            self.assertEqual({kind[1] for kind in kinds}, {0, 4})

    def test_a_seed_gives_the_same_plan_and_guests_differ(self):
        parts = soak.soak_parts(60, 7)
        self.assertEqual(parts, soak.soak_parts(60, 7))
        self.assertEqual(len({part.seed for part in parts}), len(parts))

    def test_fuzz_runs_each_program_once(self):
        parts = soak.fuzz_parts(5, 50001)
        ranges = [part.phases[1]["command"] for part in parts]
        first = [int(words[words.index("--seed") + 1]) for words in ranges]
        count = [int(words[words.index("--programs") + 1])
                 for words in ranges]
        self.assertEqual(sum(count), 50001)
        self.assertEqual(first, [5 + sum(count[:at])
                                 for at in range(len(count))])


class TestInject(unittest.TestCase):
    def setUp(self):
        self.root = Path(self.enterContext(tempfile.TemporaryDirectory()))
        for kind in soak_guest.KINDS:
            (self.root / kind).mkdir()
        for step in soak_guest.STEPS:
            (self.root / "fail_function" / step).mkdir()
        self.injector = soak_guest.Injector(random.Random(1), self.root)
        self.injector.prepare()

    def file(self, kind, name):
        """The content of a file of debugfs."""
        return (self.root / kind / name).read_text().strip()

    def test_faults_hit_only_tasks_that_set_make_it_fail(self):
        for kind in soak_guest.KINDS:
            self.assertEqual(self.file(kind, "task-filter"), "Y")

    def test_injected_faults_are_counted(self):
        self.injector.start(False)
        self.assertNotEqual(self.file("failslab", "probability"), "0")
        (self.root / "failslab" / "times").write_text(
            str(soak_guest.TIMES - 42))
        self.injector.stop()
        self.injector.stop()
        self.assertEqual(self.injector.counts["failslab"], 42)
        self.assertEqual(self.injector.counts["fail_page_alloc"], 0)
        self.assertEqual(self.file("failslab", "probability"), "0")

    def test_system_calls_of_fuzz_do_not_fail(self):
        for _ in range(50):
            self.injector.start(False)
            self.assertEqual(self.file("failslab", "ignore-gfp-wait"), "Y")

    def test_kernel_without_fault_injection_is_unchanged(self):
        with tempfile.TemporaryDirectory() as empty:
            injector = soak_guest.Injector(random.Random(1), Path(empty))
            injector.prepare()
            injector.start(True)
            injector.finish()
            self.assertEqual(list(Path(empty).iterdir()), [])


class TestGuest(unittest.TestCase):
    def test_last_report_of_a_program_counts(self):
        found = soak_guest.said([
            "# 60 s: 10 operations, 20 bytes verified, 3 pages swapped out",
            "# 90 s: 15 operations, 25 bytes verified, 3 pages swapped out",
            "# 7 programs in 9 s, 8 pages compared, 5 also where they are"])
        self.assertEqual(found, {"operations": 15, "bytes_verified": 25,
                                 "programs": 7, "pages_compared": 8})

    def test_leaks_are_more_than_slack(self):
        before = dict.fromkeys(soak_guest.SLACK, 100)
        now = dict(before, anon=100 + soak_guest.SLACK["anon"], isolated=101)
        self.assertEqual(soak_guest.more(before, now), {"isolated": 1})


class TestVerdict(unittest.TestCase):
    GOOD = {"phases": [phase()], "leaks": {}, "injected": {"failslab": 3},
            "complete": True}

    def test_good_result_has_no_problem(self):
        self.assertEqual(soak.wrong(0, self.GOOD), [])

    def test_each_way_to_fail_is_a_problem(self):
        bad = phase(status=1, failed=["not ok 1 contents"])
        for status, found in (
                (123, self.GOOD), (0, self.GOOD | {"complete": False}),
                (1, self.GOOD | {"phases": [bad]}),
                (1, self.GOOD | {"phases": [phase(status=-9)]}),
                (0, self.GOOD | {"injected": {"failslab": 0}}),
                (1, self.GOOD | {"leaks": {"anon": 600}})):
            self.assertEqual(len(soak.wrong(status, found)), 1, found)

    def test_sums_are_over_phases(self):
        done = soak.summed([phase(said={"operations": 3},
                                 counted={"mof_migrated": 2}),
                           phase(said={"operations": 4, "programs": 1})])
        self.assertEqual((done["operations"], done["programs"],
                          done["mof_migrated"], done["seconds"]),
                         (7, 1, 2, 120))


class TestRecord(unittest.TestCase):
    def test_runs_add_up_until_the_code_changes(self):
        with tempfile.TemporaryDirectory() as place, \
                mock.patch.object(soak, "revision", lambda: "now"):
            path = Path(place) / "state.json"
            soak.save([row(), row(), row(revision="before")], path)
            rows = soak.load(path)
        self.assertEqual(len(rows), 2)
        self.assertEqual(soak.total(rows)["done"]["operations"], 20)

    def test_failures_warnings_and_races_are_summed(self):
        sums = soak.total([
            row(problems=["x", "y"], warnings=2), row(races={"a / b": 2}),
            row(races={"a / b": 1, "c": 1}, leaks={"anon": 7})])
        self.assertEqual((sums["failed"], sums["warnings"], sums["races"],
                          sums["leaks"]),
                         (1, 2, {"a / b": 3, "c": 1}, {"anon": 7}))

    def test_table_has_a_column_for_each_profile(self):
        text = soak.table(soak.by_profile([row(), row("kcsan"), row()]))
        line = next(line for line in text.splitlines()
                    if line.startswith("operations"))
        self.assertEqual(line.split()[-2:], ["20", "10"])

    def test_record_is_written_between_the_marks(self):
        with tempfile.TemporaryDirectory() as place:
            text = Path(place) / "x.rst"
            text.write_text("head\n.. begin of the table\nold\n"
                            ".. end of the table\ntail\n")
            with mock.patch.object(soak, "TEXT", text), \
                    mock.patch.object(soak, "RECORD",
                                      text.with_suffix(".json")):
                soak.write([row()])
            self.assertNotIn("old", text.read_text())
            found = json.loads(text.with_suffix(".json").read_text())
        self.assertEqual(found["profiles"]["kasan"]["guests"], 1)
