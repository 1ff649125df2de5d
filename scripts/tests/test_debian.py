# SPDX-License-Identifier: GPL-2.0
"""Sources of source packages from those of binary packages."""

import unittest

from mof.debian import SOURCE


class TestSources(unittest.TestCase):
    def test_both_formats_of_apt_are_turned_into_those_of_sources(self):
        self.assertEqual(
            SOURCE.sub(r"\1-src\2", "Types: deb\nURIs: x\n"
                       "deb [a=b] x y main\n# deb z\ndeb-src x y\n"),
            "Types: deb-src\nURIs: x\n"
            "deb-src [a=b] x y main\n# deb z\ndeb-src x y\n")
