# SPDX-License-Identifier: GPL-2.0
"""Constants of a description, and errors in them."""

import tempfile
import unittest
from pathlib import Path

from mof.syzkaller import constants, wrong

DESCRIPTION = """\
# NOT_THIS
include <fcntl.h>
resource fd_x[fd]
openat$x(fd const[AT_FDCWD], file ptr[in, string["/NOT_THIS"]]) fd_x
write$x(fd fd_x, flags flags[some])
some = O_APPEND
"""
VALUES = """\
# comment
arches = amd64
AT_FDCWD = 18446744073709551516
O_APPEND = 1024
__NR_openat = 257
__NR_write = 1
"""
INCLUDE = DESCRIPTION.replace("include", "include <asm/unistd.h>\ninclude")


class TestSyzkaller(unittest.TestCase):
    def check(self, text, values):
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "x.txt"
            path.write_text(text)
            path.with_name("x.txt.const").write_text(values)
            return wrong(path, scratch)

    def test_names_are_found(self):
        self.assertEqual(constants(DESCRIPTION), [
            "AT_FDCWD", "O_APPEND", "__NR_openat", "__NR_write"])

    def test_good_one_passes(self):
        self.assertEqual(self.check(INCLUDE, VALUES), [])

    def test_wrong_value_is_found(self):
        self.assertEqual(
            self.check(INCLUDE, VALUES.replace("1024", "1025")),
            ["O_APPEND is 1024, not 1025"])

    def test_missing_and_unused_names_are_found(self):
        self.assertEqual(
            self.check(INCLUDE, VALUES.replace("O_APPEND", "O_OTHER")),
            ["O_APPEND is 1024, not listed", "O_OTHER is not used"])

    def test_missing_group_is_found(self):
        self.assertIn("some is not defined", self.check(
            INCLUDE.replace("some = O_APPEND\n", ""), VALUES))
