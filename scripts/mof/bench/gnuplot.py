# SPDX-License-Identifier: GPL-2.0
"""Pictures: panels of curves or bars in a grid, drawn by gnuplot as SVG. The
output is reproducible with the same version of gnuplot."""

import math
import os
import re
import subprocess
from dataclasses import dataclass, field

from mof.build import Failure

# Colours of Okabe and Ito, for the colour-blind
GREY, ORANGE, BLUE = "#6b6b6b", "#d55e00", "#0072b2"
GREEN, PURPLE, SKY = "#009e73", "#cc79a7", "#56b4e9"
BLACK = "#1a1a1a"
POINTS = "linespoints pointtype 7 pointsize 0.6"
SOLID, DASHED, DOTTED = "1", "(12,6)", "(3,4)"
# Pixels: margins of the picture
LEFT, RIGHT, BOTTOM = 92, 24, 60
# From the top to the title and to the key of the picture; above each panel, for
# its title and its notes
TITLE, KEY, HEAD, NOTES = 24, 44, 24, 18
LETTER, SAMPLE, LINE = 8, 80, 20        # of the key
GAP = 34, 40                            # between panels, without HEAD


@dataclass
class Curve:
    """Points connected by a line; those with None are left out."""
    label: str
    xs: list
    ys: list
    colour: str = BLUE
    dash: str = SOLID
    style: str = "lines"                # or POINTS


@dataclass
class Panel:
    """Axes with curves, or with a plot command instead."""
    title: str
    xlabel: str
    ylabel: str
    curves: list = field(default_factory=list)
    settings: list = field(default_factory=list)    # commands of gnuplot
    notes: list = field(default_factory=list)       # (text, colour), on top
    ticks: dict = field(default_factory=dict)       # {label: y}, or automatic
    plot: str = ""                      # instead of the curves


@dataclass
class Picture:
    """Panels in a grid."""
    title: str
    panels: list
    columns: int
    key: list                           # (label, "lines ..." or "boxes ...")
    size: tuple = (270, 150)            # of a panel, pixels
    apart: bool = False                 # each panel has its own axes

    @property
    def rows(self):
        """Rows of the grid."""
        return math.ceil(len(self.panels) / self.columns)

    @property
    def head(self):
        """Pixels above a panel."""
        return HEAD + NOTES * any(panel.notes for panel in self.panels)

    @property
    def width(self):
        """Width of the picture, pixels."""
        return (LEFT + RIGHT + self.columns * self.size[0]
                + (self.columns - 1) * self.spacing()[0])

    @property
    def lines(self):
        """Lines of the key."""
        entry = SAMPLE + LETTER * max(len(label) for label, _ in self.key)
        return math.ceil(len(self.key) / max(1, self.width // entry))

    @property
    def height(self):
        """Height of the picture, pixels."""
        return (KEY + 12 + LINE * self.lines + self.head + BOTTOM
                + self.rows * self.size[1]
                + (self.rows - 1) * self.spacing()[1])

    def spacing(self):
        """Pixels between two panels."""
        return (GAP[0] + LEFT * self.apart // 4,
                GAP[1] + self.head + BOTTOM * self.apart // 4)


def quoted(text):
    """A string in gnuplot's syntax."""
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n")):
        text = text.replace(plain, escaped)
    return f'"{text}"'


def block(name, rows):
    """A named data block."""
    lines = [" ".join(f"{cell:.10g}" for cell in row) for row in rows]
    return "\n".join([f"${name} << EOD", *lines, "EOD"])


def thousands(values):
    """{label: tick}"""
    return {f"{value:,}": value for value in values}


def line(colour, dash=SOLID, width=2.5):
    """The style of a curve."""
    return f'linecolor "{colour}" dashtype {dash} linewidth {width}'


def fill(colour):
    """The style of a bar."""
    return f'fillcolor "{colour}" fillstyle solid 1 noborder'


def curves(panel, at):
    """The data blocks and the plot command of a panel."""
    data, parts = [], []
    for each, curve in enumerate(panel.curves):
        name = f"p{at}c{each}"
        points = [point for point in zip(curve.xs, curve.ys)
                  if None not in point]
        data.append(block(name, points))
        if points:
            parts.append(f"${name} using 1:2 with {curve.style} "
                         f"{line(curve.colour, curve.dash)} notitle")
    return data, "plot " + ", \\\n  ".join(parts or ["NaN notitle"])


def notes(panel):
    """Labels in one line above a panel."""
    share = 1 / max(1, len(panel.notes))
    return [f"set label {place + 1} {quoted(text)} at graph {share * place:g}"
            f',1 offset 0,0.6 left textcolor "{colour}" font ",12"'
            for place, (text, colour) in enumerate(panel.notes)]


def listed(places, named=True):
    """(label, place) as a list of ticks."""
    return ", ".join(f"{quoted(label * named)} {place:g}"
                     for label, place in places)


def ticks(panel, named):
    """Ticks of the vertical axis, with or without labels."""
    if not panel.ticks:
        return f"set ytics autofreq; set format y '{'%g' * named}'"
    return f"set ytics ({listed(panel.ticks.items(), named)})"


def body(picture, at):
    """The commands for one panel. Axes that all panels share have labels at
    the edges only."""
    panel = picture.panels[at]
    data, plot = curves(panel, at) if not panel.plot else ([], panel.plot)
    lowest = picture.apart or at + picture.columns >= len(picture.panels)
    first = at % picture.columns == 0
    height = 0.1 + 1.0 * bool(panel.notes)
    return "\n".join([
        *data, f"set label 9 {quoted(panel.title)} at graph 0,1 "
        f'offset 0,{0.7 + height:g} left font ",14"',
        f"set xlabel {quoted(panel.xlabel if lowest else '')} offset 0,0.4",
        f"set ylabel {quoted(panel.ylabel if first else '')}",
        ticks(panel, first or picture.apart),
        *panel.settings, *notes(panel), plot, "unset label",
        "unset logscale"])


def key(picture):
    """The key: an empty plot over the whole picture."""
    parts = [f"NaN with {style} title {quoted(label)}"
             for label, style in picture.key]
    return "\n".join([
        "unset xlabel", "unset ylabel", "unset border", "unset tics",
        "set xrange [0:1]", "set yrange [0:1]",
        *(f"set {side}margin at screen {at}"
          for side, at in zip("lrbt", (0, 1, 0, 1))),
        f"set key at screen 0.5, screen {1 - KEY / picture.height:.5f} "
        f"center top horizontal maxrows {picture.lines} reverse Left width 1 "
        "samplen 3",
        "plot " + ", \\\n  ".join(parts)])


def script(picture):
    """The script for gnuplot."""
    width, height = picture.width, picture.height
    gaps = picture.spacing()
    margins = (LEFT / width, 1 - RIGHT / width, BOTTOM / height,
               BOTTOM / height + (picture.rows * picture.size[1]
                                  + (picture.rows - 1) * gaps[1]) / height)
    return "\n".join([
        f'set terminal svg size {width},{height} noenhanced rounded '
        'font "sans-serif,13" background "#ffffff"',
        "set encoding utf8", "set tics nomirror out", "set tics scale 0.6",
        'set border 3 linecolor "#404040"',
        'set grid ytics linecolor "#dddddd" linewidth 1 dashtype 1',
        "unset key",
        f"set multiplot layout {picture.rows},{picture.columns} margins "
        + ",".join(f"{margin:.5f}" for margin in margins)
        + f" spacing {gaps[0] / width:.5f},{gaps[1] / height:.5f}",
        f"set label 100 {quoted(picture.title)} at screen 0.5, screen "
        f'{1 - TITLE / height:.5f} center font ",17"',
        *(body(picture, at) for at in range(len(picture.panels))),
        key(picture), "unset multiplot", ""])


def compact(text):
    """SVG of gnuplot without empty groups and unused symbols."""
    head, body = re.split(r"(?s)<defs>.*?</defs>\n", text)
    symbols = re.findall(r"^\t<.* id='(gpPt\d+)'.*/>$", text, re.M)
    lines = {name: re.search(rf"^\t<.* id='{name}'.*/>\n", text, re.M)[0]
             for name in symbols}
    used = set(re.findall(r"href='#(gpPt\d+)'", body))
    for name in reversed(symbols):          # each refers to earlier ones only
        if name in used:
            used |= set(re.findall(r"href='#(gpPt\d+)'", lines[name]))
    defs = "".join(lines[name] for name in symbols if name in used)
    body = re.sub(r"<g [^>]*>\s*</g>\n", "", body)
    body = re.sub(r"\s*(<text>.*?</text>)\s*</g>", r"\1</g>", body)
    return head + (f"<defs>\n{defs}</defs>\n" if defs else "") + body


def svg(picture):
    """The picture as SVG."""
    done = subprocess.run(
        ["gnuplot", "-"], input=script(picture), capture_output=True,
        text=True, check=False, env=os.environ | {"LC_ALL": "C.UTF-8"})
    if done.returncode or done.stderr or not done.stdout:
        raise Failure(f"gnuplot: {done.stderr[:400] or done.returncode}")
    return compact(done.stdout)
