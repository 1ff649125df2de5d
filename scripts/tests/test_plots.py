# SPDX-License-Identifier: GPL-2.0
"""Pictures: drawn from the records, completely, and the same each time."""

import json
import re
import tempfile
import unittest
from pathlib import Path
from xml.etree import ElementTree

from mof.bench import auto, cost, gnuplot, pictures
from mof.build import Failure


def columns(local, faults, end=8.0):
    """A series of the automatic mode, as recorded."""
    return {"s": [0.0, end / 2, end], "local": local, "faults": faults,
            "migrated": [0, 0, 0]}


def series(**files):
    """Of one step."""
    return {"step": files}


def modelled(off, stock, lazy, kernel=0, mode="lazy"):
    """A record of the model: remote misses of programs, and of the kernel in
    mode lazy."""
    raw = {f"{mode}, programs": misses for mode, misses in
           (("off", off), ("stock", stock), ("lazy", lazy))}
    raw |= {"off, kernel": 0, "stock, kernel": 0, "lazy, kernel": kernel}
    misses = {"slice_s": 0.1, "local_misses": [0, 3, 0],
              "remote_misses": [4, 1, 0]}
    return {"rows": {"2x2": {"split": {"raw": raw}}}, "series": {"2x2": {
        "split": {f"split 4k {mode}": misses
                  for mode in ("off", "stock", mode)}}}}


MODEL = modelled(8000000, 4000000, 600000, 200000)


def row(method, window=None, **more):
    """A cost as recorded."""
    return {"method": method, "page": "4k", "window": window, "threads": 1,
            "size_mib": 64, "call": 10.0, "first_touch": 104.0,
            "second_touch": 4.0, **more}


def waits(window, page="4k"):
    """Latencies as recorded."""
    return {"page": page, "window": window, "faulting": 100 + window,
            "instructions": [2000 * (window + 1) + at
                             for at in range(len(cost.PERCENT))]}


METHODS = [{**each, "page": page} for page in ("4k", "thp")
           for each in (row("none", call=0.0, first_touch=4.0),
                        row("mbind-move", call=6000.0, first_touch=4.0),
                        row("mbind-lazy", 0, first_touch=9000.0),
                        row("mbind-lazy", 48, first_touch=3000.0))]


def texts(svg):
    """The texts in a picture."""
    space = "{http://www.w3.org/2000/svg}"
    return ["".join(text.itertext()).strip()
            for text in ElementTree.fromstring(svg).iter(f"{space}text")]


def version(svg):
    """Of the gnuplot that made it."""
    return re.search(r"<desc>(.*?)</desc>", svg, re.S)[1].strip()


class TestDrawing(unittest.TestCase):
    def picture(self, **panel):
        """One panel with one curve."""
        return gnuplot.Picture("title", [gnuplot.Panel(
            "panel", "x, s", "y, %",
            [gnuplot.Curve("c", [0, 1, 2], [5, None, 7])], **panel)], 1,
            [("curve", "lines " + gnuplot.line(gnuplot.BLUE))])

    def test_title_axes_and_key_are_there(self):
        found = texts(gnuplot.svg(self.picture()))
        for text in ("title", "panel", "x, s", "y, %", "curve"):
            self.assertIn(text, found)

    def test_background_is_white(self):
        self.assertRegex(gnuplot.svg(self.picture()), "(?i)#ffffff")

    def test_missing_number_is_no_point(self):
        data, _ = gnuplot.curves(self.picture().panels[0], 0)
        self.assertEqual(data, ["$p0c0 << EOD\n0 5\n2 7\nEOD"])

    def test_complaint_of_gnuplot_is_a_failure(self):
        for command in ("set nonsense", 'print "a warning"'):
            with self.assertRaises(Failure):
                gnuplot.svg(self.picture(settings=[command]))

    def test_text_stays_text(self):
        picture = self.picture()
        picture.title = 'a "b" \\n c_d'
        self.assertIn(picture.title, texts(gnuplot.svg(picture)))


class TestTime(unittest.TestCase):
    def test_modes_of_all_steps_come_together(self):
        found = pictures.runs({
            "quick": {"quick: split 4k stock": 1, "quick: split 4k lazy": 2},
            "off": {"quick: split 4k off": 3}})
        self.assertEqual(found, {("quick", "split", "4k"):
                                 {"stock": 1, "lazy": 2, "off": 3}})

    def test_files_named_by_mode_are_one_panel(self):
        found = pictures.runs({"steady": {"off: steady 4k off": 1,
                                          "lazy: steady 4k lazy": 2}})
        self.assertEqual(found, {("", "steady", "4k"): {"off": 1, "lazy": 2}})

    def test_step_off_has_the_runs_of_those_with_two_modes(self):
        def files(names, mode):
            """{(file, word)} that are run with some modes"""
            lines = re.findall(
                rf"^auto (\S+) (.*?) --modes {mode}",
                "\n".join(auto.SCRIPTS[name] for name in names), re.M)
            return {(name, word) for name, words in lines
                    for word in words.split() if word in (
                        "split", "handover", "interleave", "phase", "shared",
                        "numa01", "numa02")}
        self.assertEqual(files(["off"], "off"),
                         files(set(auto.SCRIPTS) - {"off"}, "stock,lazy"))

    def test_longer_run_has_its_length_in_the_title(self):
        found = pictures.titles({
            ("quick", "split", "4k"): {"lazy": columns([], [])},
            ("split", "split", "4k"): {"lazy": columns([], [], 40.0)}})
        self.assertEqual(sorted(found.values()),
                         ["split, base pages, 40 s", "split, base pages, 8 s"])

    def test_every_workload_and_mode_is_drawn(self):
        record = series(**{
            "quick: split 4k off": columns([50, 50, 50], [0, 0, 0]),
            "quick: split 4k stock": columns([50, 60, 100], [0, 65, 1234]),
            "quick: split 4k lazy": columns([50, 99, 100], [0, 7, 77]),
            "quick: split thp lazy": columns([50, None, 100], [0, 3, 5])})
        picture = pictures.local("2x2", record)
        self.assertEqual([(panel.title, len(panel.curves))
                          for panel in picture.panels],
                         [("split, base pages", 3), ("split, THPs", 1)])
        found = texts(gnuplot.svg(pictures.faults("2x2", record)))
        for text in ("stock 1,234", "lazy 77", "lazy 5"):
            self.assertIn(text, found)

    def test_of_swaps_each_second_the_first_are_shown(self):
        many = columns([1, 2, 3], [0, 0, 0], 30.0)
        panels = pictures.local("2x2", series(**{
            "fast: phase 4k lazy": many, "slow: phase 4k lazy": many})).panels
        self.assertEqual([panel.settings[0] for panel in panels],
                         ["set xrange [0:8]", "set xrange [0:30]"])

    def test_points_on_a_line_are_left_out(self):
        points = [(0, 0), (1, 0), (2, 50), (3, 100), (4, 100)]
        self.assertEqual(pictures.thinned(points),
                         [(0, 0), (1, 0), (3, 100), (4, 100)])
        self.assertEqual(pictures.thinned(points[:2]), points[:2])

    def test_machine_is_named(self):
        found = texts(gnuplot.svg(pictures.local("4x2", series(
            **{"a: split 4k lazy": columns([1, 2, 3], [0, 0, 0])}))))
        self.assertIn("4x2", " ".join(found))


class TestModel(unittest.TestCase):
    def test_ratio_is_to_off(self):
        raw = MODEL["rows"]["2x2"]["split"]["raw"]
        self.assertEqual(pictures.ratios(raw)[0][0], "1 : 0.5 : 0.1")

    def test_without_misses_there_is_no_ratio(self):
        none = modelled(0, 0, 0)
        raw = none["rows"]["2x2"]["split"]["raw"]
        self.assertEqual(pictures.ratios(raw), [])
        self.assertTrue(gnuplot.svg(pictures.remote(none)))

    def test_figures_stand_at_the_bars(self):
        found = texts(gnuplot.svg(pictures.remote(MODEL)))
        for text in ("8", "4", "0.8", "1 : 0.5 : 0.1", "split, base pages"):
            self.assertIn(text, found)

    def test_unknown_mode_is_refused(self):
        with self.assertRaises(Failure):
            pictures.by_workload(modelled(1, 1, 1, mode="on"))

    def test_share_over_time(self):
        found = pictures.shares(
            MODEL["series"]["2x2"]["split"]["split 4k lazy"])
        self.assertEqual(found["s"], [0.1, 0.2, 0.3])
        self.assertEqual(found["local"], [0, 75, None])
        self.assertTrue(gnuplot.svg(pictures.of_model(MODEL)["model-local"]))


class TestCosts(unittest.TestCase):
    def test_loop_is_not_a_cost(self):
        settings, _ = pictures.stacked(METHODS, "4k", "b")
        self.assertEqual(settings[0], "$b << EOD\n0 6000 0\n1 10 8996\n"
                         "2 10 2996\nEOD")
        for name in ("mbind-move", "lazy\\nstock engine",
                     "lazy\\nwindow 48"):
            self.assertIn(f'"{name}"', settings[1])

    def test_sums_stand_at_the_bars(self):
        found = texts(gnuplot.svg(pictures.methods(METHODS)))
        for text in ("9006", "3006"):
            self.assertEqual(found.count(text), 2)

    def test_windows_are_in_order(self):
        found = pictures.latency([waits(48), waits(0), waits(512)],
                                 [waits(48, "thp")])
        self.assertEqual([label for label, _ in found.key],
                         ["stock engine: 100 waits", "window 48: 148 waits",
                          "window 512: 612 waits", "THPs: 148 waits"])

    def test_all_sizes_and_threads_are_drawn(self):
        both = ("mbind-move", "mbind-lazy")
        found = texts(gnuplot.svg(pictures.scale(
            [row(method, size_mib=size) for size in (64, 4096)
             for method in both],
            [row(method, threads=threads) for threads in (1, 8)
             for method in both])))
        for text in ("64", "4,096", "1", "8"):
            self.assertIn(text, found)

    def test_percentiles_are_values_that_occurred(self):
        found = cost.percentiles([[50, 1], [10, 98], [20, 1]])
        self.assertEqual(
            dict(zip(cost.PERCENT, found)),
            dict.fromkeys(cost.PERCENT, 10)
            | {99: 20, 99.5: 50, 99.9: 50, 100: 50})
        with self.assertRaises(Failure):
            cost.percentiles([])


class TestRecorded(unittest.TestCase):
    """The pictures in Documentation/bench/, and those drawn on demand."""

    def pictures(self, kept=True):
        """{name: picture} of all records that git has, or has not."""
        return {name: picture for record in pictures.RECORDS
                for name, picture in (pictures.pictures(record) or {}).items()
                if (name in pictures.KEPT) == kept}

    def test_pictures_that_git_does_not_have_can_be_drawn(self):
        found = self.pictures(False)
        self.assertIn("automatic-local-2x2", found)
        for picture in found.values():
            self.assertTrue(gnuplot.svg(picture))

    def test_pictures_are_those_of_the_records(self):
        for name, picture in self.pictures().items():
            drawn = gnuplot.svg(picture)
            committed = (pictures.PLACE / f"{name}.svg").read_text()
            if version(drawn) != version(committed):
                self.skipTest(f"pictures of {version(committed)}, but this is "
                              f"{version(drawn)}")
            self.assertTrue(drawn == committed,
                            f"{name}.svg is out of date: run 'make plots'")

    def test_pictures_are_small(self):
        for name, picture in self.pictures().items():
            self.assertLessEqual(len(gnuplot.svg(picture).splitlines()), 400,
                                 name)

    def test_there_are_no_others(self):
        committed = {path.stem for path in pictures.PLACE.glob("*.svg")}
        self.assertEqual(committed, pictures.KEPT, "run 'make plots'")

    def test_documents_show_all_of_them(self):
        text = "".join(path.read_text()
                       for path in pictures.PLACE.glob("*.rst"))
        shown = set(re.findall(r"^\.\. figure:: (\S+)\.svg$", text,
                               re.M))
        self.assertEqual(shown, pictures.KEPT,
                         "a .rst file has to show each picture")

    def test_record_that_is_not_there_is_left_out(self):
        with tempfile.TemporaryDirectory() as place:
            self.assertIsNone(pictures.pictures("model.json", Path(place)))
            (Path(place) / "model.json").write_text(json.dumps(MODEL))
            self.assertEqual(set(pictures.pictures("model.json", Path(place))),
                             {"model-remote", "model-local"})

    def test_record_that_makes_no_sense_is_a_failure(self):
        with tempfile.TemporaryDirectory() as place:
            (Path(place) / "model.json").write_text('{"runs": [{}]}')
            with self.assertRaises(Failure):
                pictures.pictures("model.json", Path(place))
