# SPDX-License-Identifier: GPL-2.0
"""Sums of profiles, made by hand."""

import tempfile
import unittest
from pathlib import Path

from mofvm import kprof

MAP = """\
0000000000000000 A fixed_percpu_data
ffffffff81000000 T first
ffffffff81000100 t second
ffffffff81000100 T alias
ffffffff81000180 D data
ffffffff81000200 W third
"""
BOOT = "ffffffff81000000 7\nend\n"
WORK = ("ffffffff81000000 10\nffffffff810000ff 5\nffffffff810001ff 30\n"
        "7f0000001000 100\n0 1\nend\n")
SYMBOLS = kprof.Symbols(MAP)


class TestSections(unittest.TestCase):
    def test_addresses_belong_to_the_function_below(self):
        self.assertEqual(
            [SYMBOLS.name(0xffffffff81000000 + offset)
             for offset in (0, 0xff, 0x1ff, 0x200, 0x10000)],
            ["first", "first", "second", "third", "third"])

    def test_programs_and_firmware_are_one_line(self):
        for address in (0, 0x7f0000001000, 0xfffff000, 0xffffffff80ffffff):
            self.assertEqual(SYMBOLS.name(address), kprof.OUTSIDE)

    def test_counts_are_summed_by_function(self):
        self.assertEqual(kprof.sections(WORK, SYMBOLS),
                         [{"first": 15, "second": 30, kprof.OUTSIDE: 101}])

    def test_sections_are_apart(self):
        self.assertEqual([found["first"] for found in
                          kprof.sections(BOOT + WORK + BOOT, SYMBOLS)],
                         [7, 15, 7])

    def test_incomplete_profiles_are_refused(self):
        for text in ("", "ffffffff81000000 7\n", WORK + "ffffffff81000000 7\n"):
            with self.assertRaises(kprof.ProfileError):
                kprof.sections(text, SYMBOLS)

    def test_one_section_or_their_sum_is_selected(self):
        with tempfile.TemporaryDirectory() as path:
            (Path(path) / "map").write_text(MAP)
            (Path(path) / "p").write_text(BOOT + WORK)
            for word, count in (("p", 22), ("p:0", 7), ("p:1", 15)):
                self.assertEqual(
                    kprof.select(f"{path}/{word}", f"{path}/map")["first"],
                    count)
            for word in ("p:2", "none", "none:0"):
                with self.assertRaises(kprof.ProfileError):
                    kprof.select(f"{path}/{word}", f"{path}/map")

    def test_garbage_is_refused(self):
        with tempfile.TemporaryDirectory() as path:
            (Path(path) / "map").write_text(MAP)
            (Path(path) / "p").write_text("no profile at all\n")
            with self.assertRaises(kprof.ProfileError):
                kprof.load(f"{path}/p", f"{path}/map")


class TestArithmetic(unittest.TestCase):
    def test_most_come_first_and_equal_ones_by_name(self):
        self.assertEqual(kprof.per_unit({"b": 1, "a": 1, "c": 2}),
                         [("c", 2), ("a", 1), ("b", 1)])

    def test_baseline_is_subtracted_before_division(self):
        self.assertEqual(
            kprof.per_unit({"a": 30, "b": 5}, {"a": 10, "c": 4, "b": 5}, 4),
            [("a", 5), ("c", -1)])

    def test_division_by_nothing_is_refused(self):
        for units in (0, -1):
            with self.assertRaises(kprof.ProfileError):
                kprof.per_unit({"a": 1}, units=units)

    def test_table_has_the_sum_and_the_rest(self):
        rows = [("a", 5.0), ("b", 2.0), ("c", 1.0)]
        self.assertEqual(
            [line.split(None, 1) for line in
             kprof.table(rows, 1).splitlines()],
            [["8.0", "total"], ["5.0", "a"], ["3.0", "[2 others]"]])
        self.assertNotIn("others", kprof.table(rows, 3))
