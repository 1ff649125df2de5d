# SPDX-License-Identifier: GPL-2.0
"""scripts/upstream on a kernel of a few files; its rules one by one."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from mof import upstream, upstream_trial as trial
from mof.build import Failure
from test_prepare import KERNEL, PATCH

SCRIPTS = Path(__file__).resolve().parents[1]
WHO = {"GIT_AUTHOR_NAME": "A Tester", "GIT_AUTHOR_EMAIL": "a@example.org"}

TREE = KERNEL | {
    "MAINTAINERS": "LAST\nS:\tMaintained\n\nTHE REST\nS:\tBuried\n"}
ENTRY = """\
An entry.
--- a/MAINTAINERS
+++ b/MAINTAINERS
@@ -3,2 +3,5 @@
 
+MIGRATE ON FAULT
+S:	Maintained
+
 THE REST
"""
OVERLAY = {
    "mm/mof/Makefile": "obj-y := a.o b.o\nobj-$(CONFIG_T) += tests/t.o\n",
    "mm/mof/a.c": "a\n", "mm/mof/b.c": "b\n", "mm/mof/tests/t.c": "t\n",
    "Documentation/mof.rst": "Title\n=====\n\nSemantics\n=========\n\nWhat"
                             " holds.\n\nNext\n====\n\nMore.\n",
    "Documentation/bench/r.json": json.dumps({"rows": {
        "2x2": {"cost": {"value": 0.5, "unit": "", "target": "<= 0.4"}}}})}
UPSTREAM = {
    "01-a": "mm/mof: do a\n\nBecause.\n---\nmm/mof/a.c\nmm/mof/Makefile\n",
    "02-b": "mm/mof: do b\n\nBecause.\n---\nmm/mof/b.c\nmm/mof/tests/\n"
            "patches/hook.patch\n",
    "03-docs": "Documentation: tell\n\nBecause.\n---\nDocumentation/*.rst\n"
               "patches/entry.patch\n",
    "not-sent": "# not for them\nDocumentation/bench/\n",
    "cover": "The subject\n\nAgainst @kernel@.\n\n"
             "@section Documentation/mof.rst, Semantics@\n\n"
             "@figures Documentation/bench/r.json@\n",
    "man-pages.diff": "for the man pages\n"}


def part(name, *patterns):
    """A part that takes these."""
    return upstream.Part(name, "subject\n", list(patterns))


class TestManifest(unittest.TestCase):
    def test_each_path_goes_to_the_part_that_names_it(self):
        found = [part("1", "mm/a.c", "patches/h.patch"), part("2", "tools/")]
        self.assertEqual(upstream.assign(found, [
            "mm/a.c", "tools/x/new.c", "patches/h.patch"]), [])
        self.assertEqual((found[0].files, found[0].hooks, found[1].files),
                         (["mm/a.c"], ["h.patch"], ["tools/x/new.c"]))

    def test_a_new_file_says_what_to_do(self):
        wrong = upstream.assign([part("1", "mm/a.c")], ["mm/a.c", "mm/b.c"])
        self.assertEqual(len(wrong), 1)
        self.assertIn("mm/b.c: in no patch of the series: name it in one of "
                      "patches/upstream/, or in not-sent", wrong[0])

    def test_a_file_in_two_parts_is_wrong(self):
        wrong = upstream.assign([part("1", "mm/a.c"), part("2", "mm/")],
                                ["mm/a.c"])
        self.assertEqual(wrong, ["mm/a.c: in several patches of the series: "
                                 "1, 2"])

    def test_a_name_of_nothing_is_wrong(self):
        wrong = upstream.assign([part("1", "mm/a.c", "mm/gone.c")], ["mm/a.c"])
        self.assertEqual(len(wrong), 1)
        self.assertIn("no file is 'mm/gone.c'", wrong[0])

    def test_a_directory_needs_its_slash(self):
        self.assertEqual(part("1", "mm").takes("mm/a.c"), [])
        self.assertEqual(part("1", "mm/").takes("mmx/a.c"), [])


class TestStages(unittest.TestCase):
    TEXT = "# c\nobj-y := a.o b.o\nobj-$(CONFIG_T) += tests/t.o\n"

    def test_whole_makefile_is_unchanged(self):
        self.assertEqual(upstream.staged(self.TEXT, lambda name: True),
                         self.TEXT)

    def test_objects_wait_for_their_source(self):
        self.assertEqual(upstream.staged(self.TEXT,
                                         lambda name: name == "b.c"),
                         "# c\nobj-y := b.o\n")


class TestCover(unittest.TestCase):
    def test_missed_target_is_said(self):
        row = {"value": 2, "unit": "", "target": "<= 1"}
        self.assertTrue(
            upstream.figure("cost", row).endswith("2  <= 1, missed"))
        self.assertNotIn("missed", upstream.figure("cost", row | {"value": 1}))

    def test_time_that_never_came_is_missed(self):
        line = upstream.figure("time", {"value": None, "unit": "s",
                                     "target": "<= 1"})
        self.assertIn("never", line)
        self.assertIn("missed", line)

    def test_place_that_cannot_be_filled_is_an_error(self):
        with self.assertRaisesRegex(Failure, "@sction x@"):
            upstream.filled("subject\n\n@sction x@\n", "6.12.2")


class TestGoals(unittest.TestCase):
    def goals(self, *files, whole=False):
        """The goals after patches that change one file each; the
        hooks of the series change mm/memory.c."""
        with mock.patch.object(trial, "touched", lambda _: ["mm/memory.c"]):
            plans = trial.goals([f"+++ b/{file}\n" for file in files], whole)
        return [(sorted(plan[trial.ON]), sorted(plan[trial.OFF]))
                for plan in plans]

    def test_own_code_is_not_compiled_with_the_option_off(self):
        self.assertEqual(
            self.goals("mm/a.c", "mm/mof/b.c", "mm/c.c")[1], (["mm/mof/"], []))

    def test_scheduler_is_compiled_as_a_directory(self):
        self.assertEqual(
            self.goals("mm/a.c", "kernel/sched/fair.c", "mm/c.c")[1],
            (["kernel/sched/"], ["kernel/sched/"]))

    def test_first_and_last_compile_all_and_documents_nothing(self):
        every = (["mm/memory.o", "mm/mof/"], ["mm/memory.o"])
        self.assertEqual(
            self.goals("mm/a.c", "mm/b.c", "mm/mof/c.c", "tools/d.c"),
            [every, (["mm/b.o"], ["mm/b.o"]), every, ([], [])])

    def test_whole_directories_if_asked_for(self):
        self.assertEqual(
            self.goals("mm/mof/a.c", "Documentation/b", whole=True),
            [(sorted(trial.DIRECTORIES),) * 2, ([], [])])


class TestDifference(unittest.TestCase):
    def setUp(self):
        place = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.linux, self.tree = place / "linux", place / "tree"
        for tree in (self.linux, self.tree):
            tree.mkdir()
            (tree / "same").write_text("same\n")
        self.enterContext(mock.patch.multiple(trial, LINUX=self.linux,
                                              TREE=self.tree))

    def test_same_trees(self):
        (self.linux / ".pc").mkdir()
        (self.linux / ".pc/x").write_text("quilt\n")
        self.assertEqual(trial.difference([]), "")

    def test_each_kind_of_difference(self):
        (self.linux / "a").write_text("only\n")
        (self.tree / "b").write_text("only\n")
        (self.tree / "same").write_text("other\n")
        self.assertEqual(trial.difference([]).splitlines(), [
            "a: only in build/linux", "b: only in the series",
            "same: differs"])

    def test_not_sent_is_not_missed_but_must_not_be_there(self):
        (self.linux / "a").write_text("a\n")
        self.assertEqual(trial.difference(["a"]), "")
        (self.tree / "a").write_text("a\n")
        self.assertIn("a: sent, against", trial.difference(["a"]))

    def test_links_are_followed(self):
        (self.linux / "a").symlink_to("same")
        (self.tree / "a").write_text("same\n")
        self.assertEqual(trial.difference([]), "")


class TestSeries(unittest.TestCase):
    def setUp(self):
        self.repo = Path(self.enterContext(tempfile.TemporaryDirectory()))
        shutil.copytree(SCRIPTS, self.repo / "scripts")
        self.write("build/pristine/linux", TREE)
        self.write(".", OVERLAY)
        self.write("patches", {"series": "hook.patch\nentry.patch\n",
                               "hook.patch": PATCH, "entry.patch": ENTRY})
        self.write("patches/upstream", UPSTREAM)

    def write(self, top, files):
        """Make files."""
        for name, text in files.items():
            path = self.repo / top / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def upstream(self):
        """Status and output of the script."""
        done = subprocess.run(
            [self.repo / "scripts/upstream"], text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=os.environ | WHO)
        return done.returncode, done.stdout

    def series(self):
        """Texts of the cover letter and of the patches."""
        status, text = self.upstream()
        self.assertEqual(status, 0, text)
        found = sorted((self.repo / "build/series/patches").glob("*.patch"))
        return [path.read_text() for path in found]

    def test_patches_apply_and_give_the_overlay(self):
        patches = self.series()
        tree = self.repo / "tree"
        shutil.copytree(self.repo / "build/pristine/linux", tree)
        for text in patches[1:]:
            subprocess.run(["git", "apply", "-"], cwd=tree, check=True,
                           text=True, input=text)
        for name in ("mm/mof/Makefile", "mm/mof/b.c", "mm/mof/tests/t.c"):
            self.assertEqual((tree / name).read_text(), OVERLAY[name])
        self.assertIn("two\nhook\nthree", (tree / "mm/memory.c").read_text())
        self.assertFalse((tree / "Documentation/bench").exists())

    def test_messages_are_signed_and_stages_visible(self):
        _, first, second, _ = self.series()
        self.assertIn("[PATCH 1/3] mm/mof: do a\n\nBecause.\n\n"
                      "Signed-off-by: A Tester <a@example.org>\n", first)
        self.assertIn("+obj-y := a.o\n", first)
        self.assertIn("-obj-y := a.o\n+obj-y := a.o b.o\n", second)

    def test_sender_is_the_maintainer(self):
        self.assertIn("+MIGRATE ON FAULT\n+M:\tA Tester <a@example.org>\n",
                      self.series()[3])

    def test_cover_letter_has_document_and_record(self):
        letter = self.series()[0]
        self.assertIn("[PATCH 0/3] The subject\n\nAgainst 6.12.2.\n\n"
                      "What holds.\n\n", letter)
        self.assertRegex(letter, r"cost +0\.5  <= 0\.4, missed\n")
        self.assertNotIn("More.", letter)
        self.assertNotIn("***", letter)

    def test_figures_follow_the_record(self):
        self.write(".", {"Documentation/bench/r.json": json.dumps({"rows": {
            "2x2": {"cost": {"value": 0.25, "unit": "",
                             "target": "<= 0.4"}}}})})
        self.assertRegex(self.series()[0], r"cost +0\.25  <= 0\.4\n")

    def test_new_file_stops_it(self):
        self.write("mm/mof", {"new.c": "new\n"})
        status, text = self.upstream()
        self.assertEqual(status, 1)
        self.assertIn("mm/mof/new.c: in no patch", text)

    def test_hooks_in_the_wrong_order_name_the_patch(self):
        later = PATCH.replace("-2,2 +2,3", "-3,2 +3,3").replace(
            " two\n+hook\n", " hook\n+later\n")
        self.write("patches", {"later.patch": later, "series":
                               "hook.patch\nlater.patch\nentry.patch\n"})
        self.write("patches/upstream", {
            "01-a": UPSTREAM["01-a"] + "patches/later.patch\n"})
        status, text = self.upstream()
        self.assertEqual(status, 1)
        self.assertIn("patches/later.patch does not apply in the order of",
                      text)
