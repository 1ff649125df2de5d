# SPDX-License-Identifier: GPL-2.0
"""The cover letter: its text has places for sections and figures."""

import json
import re
import textwrap

from mof.bench.record import NO_TARGET, reached
from mof.build import REPO, Failure

PLACE = re.compile(r"^@(section|figures) (\S+?)(?:, (.*))?@$", re.M)
WIDTH = 46


def section(file, title):
    """The text below a heading of a document, up to the next heading."""
    text = (REPO / file).read_text()
    heading = re.compile(rf"^{re.escape(title)}\n(=+|-+|~+)\n", re.M)
    begin = heading.search(text)
    if not begin:
        raise Failure(f"{file} has no section '{title}', which the cover "
                      "letter quotes")
    rest = text[begin.end():]
    following = re.search(r"^\S.*\n([=~-])\1{2,}\n(?=\n)", rest, re.M)
    return rest[:following.start() if following else None].strip()


def figure(name, row):
    """A line of the table."""
    value, target = row["value"], row["target"]
    text = "never" if value is None else f"{value:.4g} {row['unit']}"
    line = f"{name:{WIDTH}} {text.strip():>9}"
    if target != NO_TARGET:
        line += f"  {target}"
    if not reached(value, target):
        line += ", missed"
    return line


def figures(file):
    """The rows of a record as a table."""
    record = json.loads((REPO / file).read_text())
    lines = [figure(name, row) for rows in record["rows"].values()
             for name, row in rows.items()]
    if not lines:
        raise Failure(f"{file} has no rows, which the cover letter quotes")
    return "\n".join([f"{'':{WIDTH}} {'measured':>9}  target", *lines])


def filled(text, release):
    """Fill the places of the text."""
    def fill(place):
        kind, file, title = place.groups()
        return section(file, title) if kind == "section" else figures(file)
    text = PLACE.sub(fill, text.replace("@kernel@", release))
    left = re.findall(r"^@.*@$", text, re.M)
    if left:
        raise Failure(f"patches/upstream/cover: cannot fill {left[0]}")
    return text


def fill(letter, text, release):
    """Put our subject and text into git's cover letter."""
    subject, _, body = filled(text, release).partition("\n")
    # The statistics name the new files already
    letter = re.sub(r"^ create mode .*\n", "", letter, flags=re.M)
    # Wrapped as by git
    subject = textwrap.fill(subject, 60, subsequent_indent=" ")
    return letter.replace("*** SUBJECT HERE ***", subject).replace(
        "*** BLURB HERE ***", body.strip())
