# SPDX-License-Identifier: GPL-2.0
"""Coverage: the table and the list of lines from gcov's output."""

import unittest

from mof import coverage


def report(*lines):
    """gcov's JSON of one object: (line, count) of a file of ours, and of a
    header."""
    return {"files": [
        {"file": "../../linux/mm/mof/a.c",
         "lines": [{"line_number": line, "count": count}
                   for line, count in lines]},
        {"file": "../../linux/include/linux/mm.h",
         "lines": [{"line_number": 1, "count": 0}]}]}


class TestCoverage(unittest.TestCase):
    def test_lines_of_headers_do_not_count(self):
        self.assertEqual(coverage.lines_of(report((3, 1)), "mm/mof/a.c"),
                         {3: 1})

    def test_a_line_in_several_functions_has_run_if_one_has(self):
        found = coverage.lines_of(report((3, 0), (3, 2), (4, 0)),
                                     "mm/mof/a.c")
        self.assertEqual(found, {3: 2, 4: 0})

    def test_guests_are_summed_line_by_line(self):
        total = coverage.merged([{"a.c": {1: 0, 2: 1, 3: 0}},
                                    {"a.c": {1: 0, 2: 0, 3: 5}}])
        self.assertEqual(total["a.c"], {1: 0, 2: 1, 3: 5})
        self.assertEqual(coverage.never(total), [("a.c", 1)])

    def test_share_is_of_lines_not_of_files(self):
        rows = coverage.rows({"a.c": {1: 1}, "b.c": {1: 0, 2: 0, 3: 1}})
        self.assertEqual(rows[0], ("a.c", 1, 1, 100))
        self.assertEqual([row[:3] for row in rows[1:]],
                         [("b.c", 3, 1), ("total", 4, 2)])
        self.assertEqual(rows[-1][3], 50)

    def test_all_of_our_sources_are_asked_for(self):
        found = coverage.sources()
        self.assertIn("mm/mof/direct.c", found)
        self.assertIn("kernel/sched/mof.c", found)
        self.assertFalse([name for name in found if "tests" in name])

    def test_lines_belong_to_the_function_above(self):
        lines = ["static int a(int b,", "\t     int c)", "{", "\tif (b)",
                 "\t\treturn d(c);", "}", "", "void e(void)", "{", "\tx();"]
        self.assertEqual([coverage.function_at(lines, at)
                          for at in (1, 5, 10)], ["a", "a", "e"])
