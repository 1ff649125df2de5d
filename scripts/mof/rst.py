# SPDX-License-Identifier: GPL-2.0
"""Tables in reStructuredText, and the places in documents that they go to."""

from mof.build import Failure

BEGIN, END = ".. begin of the table\n", ".. end of the table\n"


def table(lines):
    """A simple table; the first line is its head."""
    widths = [max(len(line[at]) for line in lines)
              for at in range(len(lines[0]))]
    rule = " ".join("=" * width for width in widths)
    body = [" ".join(cell.ljust(width) for cell, width in zip(line, widths))
            .rstrip() for line in lines]
    return "\n".join([rule, body[0], rule, *body[1:], rule]) + "\n"


def split(path, begin=BEGIN, end=END):
    """The text of a document before a table, the table, the text after it."""
    before, found, rest = path.read_text().partition(begin)
    inside, ended, after = rest.partition(end)
    if not found or not ended:
        raise Failure(f"{path}: no marks around the table")
    return before + begin, inside.strip("\n") + "\n", end + after


def replace(path, text, begin=BEGIN, end=END):
    """Put a table between its marks."""
    before, _, after = split(path, begin, end)
    path.write_text(f"{before}\n{text}\n{after}")
