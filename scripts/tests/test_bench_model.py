# SPDX-License-Identifier: GPL-2.0
"""Modelled misses: rows from the plugin's counts."""

import json
import unittest

import fake
from mof.bench import model
from mof.bench.record import reached
from mof.build import Failure


def cpu(user, kernel):
    """Counts of a CPU; local and remote misses of each side."""
    return {side: {"local": [100, 50, local], "remote": [90, 40, remote]}
            for side, (local, remote) in (("user", user), ("kernel", kernel))}


def section(mode, lazy=(7, 8)):
    """Two slices of two CPUs."""
    part = {"cycles": 1000, "cpus": [cpu((1, 2), (3, 4)), cpu((5, 6), lazy)]}
    return {"label": f"split 4k {mode}",
            "slices": [part, {**part, "cycles": 500}]}


def result(*sections):
    """The result of a guest."""
    return fake.Result("split", {"model": json.dumps({
        "model": {"line_bytes": 64}, "sections": sections})})


ALL = result(*map(section, model.MODES))


class TestCounts(unittest.TestCase):
    def test_misses_are_summed_over_cpus_in_each_slice(self):
        found = model.series(ALL)["split 4k lazy"]
        self.assertEqual(found["remote_misses"], [20, 20])
        self.assertEqual(found["local_misses"], [16, 16])

    def test_sides_are_summed_over_slices(self):
        _, raw = model.lowest(False)(ALL)
        self.assertEqual([raw[f"off, {name}"] for name in
                          (model.USER, model.KERNEL, model.CYCLES)],
                         [16, 24, 1500])

    def test_missing_mode_is_refused(self):
        with self.assertRaises(Failure):
            model.series(result(section("off"), section("lazy")))


class TestRows(unittest.TestCase):
    def test_each_workload_is_a_guest_with_all_modes(self):
        for step in model.MODEL.steps:
            self.assertIn(f"auto {step.name} {step.name} ", step.script)
            self.assertIn("--modes off,stock,lazy", step.script)
            self.assertIn("--numa-model", step.command())

    def rows(self, name, off, stock, lazy):
        """Whether a workload with so many remote misses is ok."""
        def counted(mode, misses):
            part = {"cycles": 1, "cpus": [cpu((0, misses), (0, 0))]}
            return {"label": f"{name} 4k {mode}", "slices": [part]}
        row = next(row for row in model.MODEL.rows if row.name == name)
        value, _ = row.measure(result(*map(counted, model.MODES,
                                           (off, stock, lazy))))
        return reached(value, row.target)

    def test_lazy_has_to_be_lowest(self):
        for misses, good in (((9, 8, 8), True), ((9, 8, 9), False),
                             ((7, 9, 8), False)):
            self.assertEqual(self.rows("split", *misses), good)

    def test_at_rest_lazy_has_to_be_as_off(self):
        for workload in model.AT_REST:
            for misses, good in (((1000, 1, 1010), True),
                                 ((1000, 1, 1011), False)):
                self.assertEqual(self.rows(workload, *misses), good)

    def test_zero_has_no_ratio(self):
        with self.assertRaises(ArithmeticError):
            self.rows("split", 0, 0, 0)

    def test_table_has_thousands_and_ratios(self):
        raw = {f"{mode}, {name}": misses for mode, misses in
               (("off", 9000), ("stock", 8000), ("lazy", 4000))
               for name, misses in (("programs", misses), ("kernel", 0))}
        self.assertIn("split    9.0 + 0.0 8.0 + 0.0 4.0 + 0.0 0.444      0.500"
                      "        ok", model.table({"rows": {"2x2": {"split": {
                          "value": 0.5, "target": "<= 1", "raw": raw}}}}))
