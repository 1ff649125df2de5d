# SPDX-License-Identifier: GPL-2.0
"""Differences between the results on two kernels; where source packages come
from."""

import unittest

from mof import outside
from mof.debian import SOURCE
from mof.tap import FAIL, PASS, SKIP

OUTPUT = """
##begin a -x
TAP version 13
1..3
ok 1 reads at 0x7f0012
not ok 2 writes 123456 bytes
ok 3 sleeps # SKIP no time
##end a -x 1
##begin b
no TAP here

##end b 0
##begin c
##end c 4
##begin d
ok 1 starts
"""


class TestReading(unittest.TestCase):
    def test_results_and_status_of_each_program(self):
        found = outside.programs(OUTPUT)
        self.assertEqual(found["a -x"],
                         {"reads at N": PASS, "writes N bytes": FAIL,
                          "sleeps": SKIP, "exit status": FAIL})
        self.assertEqual(found["b"], {"exit status": PASS})
        self.assertEqual(found["c"], {"exit status": SKIP})

    def test_a_program_without_an_end_did_not_run(self):
        found = outside.programs(OUTPUT)
        self.assertEqual(found["d"], {"starts": PASS,
                                      "exit status": outside.NOT_RUN})

    def test_words_of_programs_without_tap_are_read(self):
        found = outside.verdicts(
            "Run test: fork\nCopy a page... \x1b[32mOK\x1b[0m\n"
            "Copy two....     \x1b[31mFail\x1b[0m\n"
            "Testing wp on shmem... skipped [reason: missing]\n", 1)
        self.assertEqual(found, {"Copy a page": PASS, "Copy two": FAIL,
                                 "Testing wp on shmem": SKIP,
                                 "exit status": FAIL})

    def test_time_out_differs_from_failure(self):
        self.assertEqual(outside.verdicts("", 124)["exit status"],
                         outside.TIMEOUT)

    def test_results_of_the_same_name_are_numbered(self):
        found = outside.verdicts("1..2\nok 1 x\nnot ok 2 x\n", 1)
        self.assertEqual((found["x"], found["x #2"]), (PASS, FAIL))


class TestComparing(unittest.TestCase):
    def test_the_same_is_no_difference(self):
        self.assertEqual(outside.differences([{"x": FAIL}], {"x": FAIL}), [])

    def test_a_new_failure_is_a_difference(self):
        self.assertEqual(outside.differences([{"x": PASS}], {"x": FAIL}),
                         ["x: failed; unpatched: passed"])

    def test_a_new_pass_is_a_difference(self):
        self.assertEqual(outside.differences([{"x": FAIL}], {"x": PASS}),
                         ["x: passed; unpatched: failed"])

    def test_a_missing_test_is_a_difference(self):
        self.assertEqual(outside.differences([{"x": PASS, "y": PASS}],
                                             {"y": PASS}),
                         ["x: missing; unpatched: passed"])

    def test_a_test_of_the_patched_kernel_only_is_a_difference(self):
        self.assertEqual(outside.differences([{}], {"x": PASS}),
                         ["x: passed; unpatched: missing"])

    def test_a_verdict_seen_on_the_unpatched_kernel_is_no_difference(self):
        self.assertEqual(outside.differences([{"x": PASS}, {"x": FAIL}],
                                             {"x": FAIL}), [])
        self.assertEqual(outside.differences([{"x": PASS}, {}], {}), [])

    def test_a_program_that_passes_nothing_is_skipped(self):
        self.assertIn(SKIP, outside.tells_nothing([{"x": SKIP}]))
        self.assertIsNone(outside.tells_nothing([{"x": SKIP, "y": PASS}]))


class TestTable(unittest.TestCase):
    def test_names_are_unique(self):
        names = [program.name for program in outside.PROGRAMS]
        self.assertEqual(len(names), len(set(names)))


class TestSources(unittest.TestCase):
    def test_both_formats_of_apt_are_turned_into_those_of_sources(self):
        self.assertEqual(
            SOURCE.sub(r"\1-src\2", "Types: deb\nURIs: x\n"
                       "deb [a=b] x y main\n# deb z\ndeb-src x y\n"),
            "Types: deb-src\nURIs: x\n"
            "deb-src [a=b] x y main\n# deb z\ndeb-src x y\n")
