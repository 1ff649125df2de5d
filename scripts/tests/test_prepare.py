# SPDX-License-Identifier: GPL-2.0
"""scripts/prepare on a kernel of three files, in a temporary directory."""

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[1]

KERNEL = {"mm/memory.c": "one\ntwo\nthree\n", "mm/ksm.c": "ksm\n",
          "Makefile": "VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 2\n"}
PATCH = """\
A hook.
--- a/mm/memory.c
+++ b/mm/memory.c
@@ -2,2 +2,3 @@
 two
+hook
 three
"""


class TestPrepare(unittest.TestCase):
    def setUp(self):
        self.repo = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.linux = self.repo / "build/linux"
        self.pristine = self.repo / "build/pristine/linux"
        (self.repo / "scripts/mof").mkdir(parents=True)
        for name in ("prepare", "series", "mof/__init__.py", "mof/build.py",
                     "mof/source.py"):
            shutil.copy(SCRIPTS / name, self.repo / "scripts" / name)
        self.tarball = self.repo / "linux.tar.xz"
        self.pack(KERNEL)
        self.write("patches/versions", "# tried\n6.12.2\n6.12.10\n")
        self.write("mm/mof/core.c", "ours\n")

    def pack(self, files):
        """Make the tarball."""
        for name, text in files.items():
            self.write(f"source/{name}", text)
            os.utime(self.repo / "source" / name, (10**9, 10**9))
        subprocess.run(["tar", "-cJf", self.tarball, "-C", self.repo,
                        "source"], check=True)

    def write(self, name, text):
        """Make a file."""
        path = self.repo / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def series(self, **patches):
        """Make patches/, with one patch for each argument."""
        for name, text in patches.items():
            self.write(f"patches/{name}.patch", text)
        self.write("patches/series",
                   "".join(f"{name}.patch\n" for name in patches))

    def run_script(self, *command):
        """Status and all output of one of our scripts."""
        done = subprocess.run(
            [self.repo / "scripts" / command[0], *command[1:]], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
            env=dict(os.environ, LINUX_TARBALL=str(self.tarball)))
        return done.returncode, done.stdout

    def prepare(self, *options):
        """Run it, expecting success."""
        status, text = self.run_script("prepare", *options)
        self.assertEqual(status, 0, text)
        return text

    def memory(self):
        """The file that is patched."""
        return (self.linux / "mm/memory.c").read_text()

    def test_patches_applied_and_our_files_linked(self):
        self.series(a=PATCH)
        self.prepare()
        self.assertIn("hook\n", self.memory())
        self.assertTrue((self.linux / "mm/mof/core.c").is_symlink())
        self.assertFalse((self.linux / "mm/mof").is_symlink())
        self.assertEqual((self.linux / "mm/mof/core.c").read_text(), "ours\n")

    def test_pristine_tree_stays_pristine(self):
        self.series(a=PATCH)
        self.prepare()
        for name, text in KERNEL.items():
            self.assertEqual((self.pristine / name).read_text(), text)
        self.assertFalse((self.pristine / "mm/mof").exists())

    def test_no_series_is_fine(self):
        self.prepare()
        self.assertEqual(self.memory(), KERNEL["mm/memory.c"])

    def test_unpacks_once_and_keeps_time_stamps(self):
        self.series(a=PATCH)
        self.prepare()
        before = {name: (self.linux / name).stat().st_mtime_ns
                  for name in KERNEL}
        self.write("mm/mof/new.c", "new\n")
        self.assertNotIn("unpack", self.prepare())
        self.assertEqual(before, {name: (self.linux / name).stat().st_mtime_ns
                                  for name in KERNEL})
        self.assertTrue((self.linux / "mm/mof/new.c").exists())

    def test_dropped_patch_gives_the_file_a_new_time_stamp(self):
        self.series(a=PATCH)
        self.prepare()
        before = (self.linux / "mm/memory.c").stat().st_mtime
        self.series()
        self.prepare()
        self.assertEqual(self.memory(), KERNEL["mm/memory.c"])
        self.assertGreaterEqual((self.linux / "mm/memory.c").stat().st_mtime,
                                before)

    def test_stale_links_are_removed(self):
        self.prepare()
        (self.repo / "mm/mof/core.c").unlink()
        self.prepare()
        self.assertFalse((self.linux / "mm/mof").exists())

    def test_failing_hunk_names_the_patch_and_the_fix(self):
        self.series(a=PATCH)
        self.prepare()
        self.series(a=PATCH, b=PATCH.replace("two", "four"))
        status, text = self.run_script("prepare")
        self.assertEqual(status, 1)
        self.assertIn("patches/b.patch does not apply", text)
        self.assertIn("scripts/series force b.patch", text)
        self.assertIn("hook\n", self.memory())

    def test_missing_tarball_says_what_to_run(self):
        self.tarball.unlink()
        status, text = self.run_script("prepare")
        self.assertEqual(status, 1)
        self.assertIn("make deps", text)

    def release(self, number):
        """Pack a kernel of another version; status and output of prepare."""
        makefile = "VERSION = {}\nPATCHLEVEL = {}\nSUBLEVEL = {}\n"
        self.pack({"Makefile": makefile.format(*number.split("."))})
        return self.run_script("prepare")

    def test_tested_version_goes_without_a_word(self):
        self.assertNotIn("made for", self.prepare())
        self.assertEqual(self.release("6.12.10")[0], 0)

    def test_untested_version_of_the_series_is_named(self):
        status, text = self.release("6.12.7")
        self.assertEqual(status, 0)
        self.assertIn("Linux 6.12.7: the patches are made for 6.12.2 to "
                      "6.12.10", text)

    def test_version_of_another_series_is_refused_unless_asked_for(self):
        status, text = self.release("6.18.1")
        self.assertEqual(status, 1)
        self.assertIn("'Porting'", text)
        self.assertFalse((self.linux / "mm/mof").exists())
        os.environ["LINUX_ANY_VERSION"] = "1"
        self.addCleanup(os.environ.pop, "LINUX_ANY_VERSION")
        self.prepare()

    def test_makefile_without_a_version_is_no_kernel(self):
        self.pack({"Makefile": "all:\n"})
        status, text = self.run_script("prepare")
        self.assertEqual(status, 1)
        self.assertIn("is this a kernel?", text)

    def test_own_file_must_not_replace_one_of_the_kernel(self):
        self.write("mm/ksm.c", "ours\n")
        status, text = self.run_script("prepare")
        self.assertEqual(status, 1)
        self.assertIn("belongs in patches/", text)

    def test_edit_in_no_patch_is_not_lost(self):
        self.series(a=PATCH)
        self.prepare()
        (self.linux / "mm/memory.c").write_text("edited\n")
        status, text = self.run_script("prepare")
        self.assertEqual((status, self.memory()), (1, "edited\n"))
        self.assertIn("mm/memory.c", text)
        self.prepare("--force")
        self.assertIn("hook\n", self.memory())

    def test_write_through_a_hard_link_is_mended(self):
        self.prepare()
        with open(self.linux / "mm/ksm.c", "a", encoding="utf-8") as file:
            file.write("edited\n")
        status, text = self.run_script("prepare")
        self.assertEqual(status, 1)
        self.assertIn("mm/ksm.c", text)
        self.assertEqual((self.pristine / "mm/ksm.c").read_text(), "ksm\n")
        self.prepare("--force")
        self.assertEqual((self.linux / "mm/ksm.c").read_text(), "ksm\n")

    def test_series_edits_a_patch(self):
        self.series(a=PATCH)
        self.prepare()
        path = self.linux / "mm/memory.c"
        path.write_text(path.read_text().replace("hook", "better hook"))
        self.assertEqual(self.run_script("series", "refresh")[0], 0)
        self.prepare()
        patch = (self.repo / "patches/a.patch").read_text()
        self.assertIn("+better hook", patch)
        self.assertIn("A hook.", patch)
        self.assertEqual(self.run_script("series", "check")[0], 0)
