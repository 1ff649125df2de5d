# SPDX-License-Identifier: GPL-2.0
"""Modelled misses: how the plugin's counts become rows, and are kept."""

import tempfile
import unittest
from pathlib import Path

from mof.bench import model, modelrecord
from mof.build import Failure


def cpu(user, kernel):
    """Counts of a CPU; local and remote misses of each side."""
    return {side: {"local": [100, 50, local], "remote": [90, 40, remote]}
            for side, (local, remote) in (("user", user), ("kernel", kernel))}


def section(label):
    """Two slices of two CPUs."""
    part = {"cycles": 1000, "cpus": [cpu((1, 2), (3, 4)), cpu((5, 6), (7, 8))]}
    return {"label": label, "slices": [part, {**part, "cycles": 500}]}


def run(workload, mode, user, kernel=0):
    """A recorded run."""
    return {"workload": workload, "page": "4k", "mode": mode,
            "user_remote_misses": user, "kernel_remote_misses": kernel}


def measured(workload, off, stock, lazy):
    """A workload with misses of programs."""
    return {"kernel": "6.12", "model": {"line_bytes": 64},
            "command": f"numa-bench auto {workload} -S 8",
            "runs": [run(workload, mode, count) for mode, count in
                     zip(model.MODES, (off, stock, lazy))]}


def record_of(*workloads):
    """A record of several workloads."""
    record = {"commands": [], "runs": []}
    for each in workloads:
        record = modelrecord.merge(record, each)
    return record


class TestRuns(unittest.TestCase):
    def test_misses_are_summed_over_cpus_in_each_slice(self):
        found = model.run_of(section("split 4k lazy"))
        self.assertEqual((found["workload"], found["page"], found["mode"]),
                         ("split", "4k", "lazy"))
        self.assertEqual(found["remote_misses"], [20, 20])
        self.assertEqual(found["local_misses"], [16, 16])

    def test_sides_are_summed_over_slices(self):
        found = model.run_of(section("split 4k lazy"))
        self.assertEqual((found["user_remote_misses"],
                          found["kernel_remote_misses"], found["cycles"]),
                         (16, 24, 1500))

    def test_each_workload_is_a_guest_with_all_modes(self):
        for workload in model.WORKLOADS:
            self.assertIn(f"auto {workload} {workload} ",
                          model.step(workload).script)
            self.assertIn("--modes off,stock,lazy", model.step(workload).script)


class TestVerdict(unittest.TestCase):
    def test_lazy_has_to_be_lowest(self):
        for misses, good in (((9, 8, 8), "ok"), ((9, 8, 9), "missed"),
                             ((7, 9, 8), "missed")):
            self.assertEqual(modelrecord.verdict("split", *misses), good)

    def test_at_rest_lazy_has_to_be_as_off(self):
        for workload in model.AT_REST:
            for misses, good in (((1000, 1, 1010), "ok"),
                                 ((1000, 1, 1011), "missed")):
                self.assertEqual(modelrecord.verdict(workload, *misses), good)


class TestRecord(unittest.TestCase):
    def test_what_was_not_measured_stays(self):
        record = record_of(measured("split", 9, 8, 7), measured("bound", 1, 2, 1))
        record = modelrecord.merge(record, measured("split", 9, 8, 6))
        self.assertEqual([row[0] for row in modelrecord.rows(record)],
                         ["split", "bound"])
        self.assertEqual([row[2] for row in modelrecord.rows(record)],
                         [[9, 8, 6], [1, 2, 1]])

    def test_a_changed_command_replaces_the_old_one(self):
        changed = measured("split", 9, 8, 7) | {
            "command": "numa-bench auto split -S 9"}
        record = record_of(measured("split", 9, 8, 7), changed)
        self.assertEqual(record["commands"], [changed["command"]])

    def test_saved_is_what_is_loaded(self):
        record = record_of(measured("split", 9, 8, 7))
        with tempfile.TemporaryDirectory() as path:
            modelrecord.save(record, Path(path) / "x")
            self.assertEqual(modelrecord.load(Path(path) / "x"), record)

    def test_a_broken_record_is_refused(self):
        with tempfile.TemporaryDirectory() as path:
            (Path(path) / "x").write_text("{")
            with self.assertRaises(Failure):
                modelrecord.load(Path(path) / "x")

    def test_table_goes_between_the_marks(self):
        record = record_of(measured("split", 9000, 8000, 4000))
        with tempfile.TemporaryDirectory() as path:
            text = Path(path) / "x"
            text.write_text("head\n.. begin of the table\nold\n"
                            ".. end of the table\ntail\n")
            modelrecord.update(record, text)
            found = text.read_text()
        self.assertNotIn("old", found)
        self.assertIn("split    9.0 + 0.0 8.0 + 0.0 4.0 + 0.0 0.444      0.500"
                      "        ok", found)

    def test_nothing_to_compare_with_is_no_ratio(self):
        self.assertIn("-", modelrecord.table(
            record_of(measured("split", 0, 0, 0))).splitlines()[3])
