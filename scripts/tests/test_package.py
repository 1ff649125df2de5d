# SPDX-License-Identifier: GPL-2.0
"""Configs of machines, and the contents of an package_trial."""

import gzip
import lzma
import tempfile
import unittest
from pathlib import Path

from mof import package, package_trial
from mof.build import Failure, LINUX

TEXT = ('CONFIG_LOCALVERSION=""\nCONFIG_SMP=y\nCONFIG_MODULE_SIG_KEY=""\n'
        'CONFIG_SYSTEM_TRUSTED_KEYS="debian/certs/a.pem"\n'
        "CONFIG_LOCALVERSION_AUTO=y\n# CONFIG_MIGRATE_ON_FAULT is not set\n")


class TestConfig(unittest.TestCase):
    """Read and change a config."""

    def setUp(self):
        self.path = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def edited(self, text):
        """The config after our changes."""
        path = self.path / ".config"
        path.write_text(text)
        package.edit(LINUX / "scripts/config", path, text)
        return path.read_text()

    def test_compressed_files_are_read(self):
        for suffix, opener in ((".gz", gzip.open), (".xz", lzma.open)):
            path = self.path / ("config" + suffix)
            with opener(path, "wt") as out:
                out.write(TEXT)
            self.assertEqual(package.read(path), TEXT)

    def test_file_that_is_no_config_is_refused(self):
        for name, content in (("a", b""), ("b.gz", b"x"), ("c.xz", b"x"),
                              ("d", b"hello\n"), ("e", b"\xff\xfe")):
            (self.path / name).write_bytes(content)
            with self.subTest(name), self.assertRaises(Failure) as raised:
                package.read(self.path / name)
            self.assertIn(name, str(raised.exception))
        with self.assertRaises(Failure):
            package.read(self.path / "none")

    def test_option_is_on_and_the_name_is_ours(self):
        text = self.edited(TEXT)
        self.assertEqual(package.value(text, "MIGRATE_ON_FAULT"), "y")
        self.assertEqual(package.value(text, "LOCALVERSION"), "-mof")
        self.assertIsNone(package.value(text, "LOCALVERSION_AUTO"))
        self.assertEqual(package.value(text, "SMP"), "y")

    def test_our_suffix_is_added_once_to_a_name(self):
        for old in ("-rt", "-rt-mof"):
            text = self.edited(TEXT.replace('""', f'"{old}"', 1))
            self.assertEqual(package.value(text, "LOCALVERSION"), "-rt-mof")

    def test_keys_of_debian_are_removed(self):
        text = self.edited(TEXT)
        self.assertEqual(package.value(text, "SYSTEM_TRUSTED_KEYS"), "")
        self.assertEqual(package.value(text, "MODULE_SIG_KEY"), "")

    def test_missing_options_are_named(self):
        path = self.path / ".config"
        path.write_text("CONFIG_64BIT=y\nCONFIG_MIGRATION=y\n")
        with self.assertRaises(Failure) as raised:
            package.verify(path, "there")
        self.assertIn("NUMA_BALANCING", str(raised.exception))
        self.assertNotIn("64BIT", str(raised.exception))


class TestInitramfs(unittest.TestCase):
    """The contents of an package_trial."""

    def setUp(self):
        self.root = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.modules = self.root / "lib/modules/1"
        self.modules.mkdir(parents=True)

    def depends(self, *names):
        """A modules.dep in which each module needs kernel/base.ko."""
        (self.modules / "modules.dep").write_text("kernel/base.ko:\n" + "".join(
            f"kernel/{name}.ko.xz: kernel/base.ko\n" for name in names))

    def test_modules_and_dependencies_are_listed_once(self):
        self.depends(*package_trial.MODULES, "other")
        lines = package_trial.listing(self.root, "1").splitlines()
        files = [line.split()[1] for line in lines if line.startswith("file")]
        self.assertEqual(files.count("/lib/modules/1/kernel/base.ko"), 1)
        self.assertIn("/lib/modules/1/kernel/9p.ko.xz", files)
        self.assertNotIn("/lib/modules/1/kernel/other.ko.xz", files)

    def test_directories_precede_their_entries(self):
        self.depends(*package_trial.MODULES)
        lines = package_trial.listing(self.root, "1").splitlines()
        seen = {"/"}
        for line in lines:
            path = Path(line.split()[1])
            self.assertIn(str(path.parent), seen, line)
            seen.add(str(path))

    def test_a_missing_module_is_named(self):
        self.depends(*package_trial.MODULES[1:])
        with self.assertRaises(Failure) as raised:
            package_trial.listing(self.root, "1")
        self.assertIn(package_trial.MODULES[0], str(raised.exception))
