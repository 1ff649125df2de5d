# SPDX-License-Identifier: GPL-2.0
"""The list of faults to seed."""

import unittest

from mof.faults import FAULTS


class TestFaults(unittest.TestCase):
    def test_each_applies_to_the_code_in_one_place(self):
        for fault in FAULTS:
            fault.text()
