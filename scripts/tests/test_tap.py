# SPDX-License-Identifier: GPL-2.0
"""Parsing TAP; a lost result would go unnoticed."""

import unittest

from mof import tap
from mof.tap import FAIL, PASS, SKIP


def results(text):
    """(name, verdict) of each result in text."""
    return [(result.name, result.verdict) for result in tap.parse(text)]


class TestTap(unittest.TestCase):
    def test_flat_results(self):
        self.assertEqual(
            results("TAP version 13\n1..3\nok 1 a\nnot ok 2 - b\n"
                    "ok 3 c # SKIP no node\n"),
            [("a", PASS), ("b", FAIL), ("c", SKIP)])

    def test_reason_of_skip(self):
        self.assertEqual(tap.parse("1..1\nok 1 c # SKIP no node")[0].reason,
                         "no node")

    def test_reason_of_failure_is_the_place(self):
        text = ("1..1\n#  RUN  global.a ...\n# x.c:7:a:Expected 1 == 2\n"
                "# a: Test terminated by assertion\nnot ok 1 global.a\n")
        self.assertEqual(tap.parse(text)[0].reason, "x.c:7:a:Expected 1 == 2")

    def test_reason_of_failure_is_the_fatal_signal(self):
        text = ("1..1\n#  RUN  global.a ...\n"
                "# a: Test terminated unexpectedly by signal 9\n"
                "#          FAIL  global.a\nnot ok 1 global.a\n")
        self.assertEqual(tap.parse(text)[0].reason,
                         "a: Test terminated unexpectedly by signal 9")

    def test_missing_results_are_a_failure(self):
        self.assertEqual(results("1..3\nok 1 a\n"),
                         [("a", PASS), ("plan", FAIL)])

    def test_plan_may_come_last(self):
        self.assertEqual(results("ok 1 a\nok 2 b\n1..2\n"),
                         [("a", PASS), ("b", PASS)])
        self.assertEqual(results("ok 1 a\n1..2\n")[-1], ("plan", FAIL))

    def test_outputs_one_after_another(self):
        self.assertEqual(
            results("TAP version 13\n1..1\nok 1 a\nTAP version 13\nok 1 b\n"
                    "1..1\nTAP version 13\n1..0 # SKIP nothing\n"),
            [("a", PASS), ("b", PASS), ("everything", SKIP)])

    def test_bail_out_is_a_failure(self):
        self.assertIn(("bail out", FAIL), results("1..1\nBail out! why\n"))

    def test_other_text_is_no_result(self):
        self.assertEqual(results("okay 1 a\nnot okay\n  works ok 1\n"), [])

    def test_leaves_of_ktap_in_a_kernel_log(self):
        text = ("[    0.4] KTAP version 1\n[    0.4] 1..1\n"
                "[    0.4]     KTAP version 1\n"
                "[    0.4]     # Subtest: suite\n[    0.4]     1..2\n"
                "[    0.4]     ok 1 a\n"
                "[    0.4]         KTAP version 1\n"
                "[    0.4]         # Subtest: b\n"
                "[    0.4]         ok 1 x\n"
                "[    0.4]         not ok 2 y\n"
                "[    0.4]     not ok 2 b\n"
                "[    0.4] not ok 1 suite\n")
        self.assertEqual(results(text), [("suite.a", PASS), ("suite.b.x", PASS),
                                         ("suite.b.y", FAIL)])

    def test_parent_that_alone_failed_is_counted(self):
        text = ("1..1\n    # Subtest: suite\n    1..1\n    ok 1 a\n"
                "not ok 1 suite\n")
        self.assertEqual(results(text), [("suite.a", PASS), ("suite", FAIL)])

    def test_suite_cut_short_is_a_failure(self):
        text = "1..1\n    # Subtest: suite\n    1..2\n    ok 1 a\n"
        self.assertIn(FAIL, [verdict for _, verdict in results(text)])
