# SPDX-License-Identifier: GPL-2.0
"""The automatic mode's table: for people, documents, and scripts/test."""

from mof import tap

from . import show
from .autofigures import NEVER


def number(value):
    """For the table."""
    if value is None or value == NEVER:
        return "never"
    return f"{value:,.0f}" if abs(value) >= 1e4 else show.number(value)


def simple_table(lines):
    """reStructuredText; the first line is the head."""
    widths = [max(len(line[at]) for line in lines)
              for at in range(len(lines[0]))]
    rule = " ".join("=" * width for width in widths)
    body = [" ".join(cell.ljust(width) for cell, width in zip(line, widths))
            .rstrip() for line in lines]
    return "\n".join([rule, body[0], rule, *body[1:], rule]) + "\n"


def table(record):
    """The rows of all topologies, as reStructuredText."""
    tops = list(record["rows"])
    names = list(dict.fromkeys(name for top in tops
                               for name in record["rows"][top]))
    lines = [["what", "target", *tops]]
    for name in names:
        cells, target = [], ""
        for top in tops:
            found = record["rows"][top].get(name)
            if not found:
                cells.append("-")
                continue
            target = f"{found['target']} {found['unit']}".strip()
            cells.append(number(found["value"])
                         + (", missed" if found["verdict"] != "ok" else ""))
        lines.append([name, target, *cells])
    return simple_table(lines)


def line(value):
    """A row, and what it is made of."""
    raw = "; ".join(f"{name} {number(part)}"
                    for name, part in value.raw.items())
    return (f"{value.row.name:<46} {number(value.value):>9} "
            f"{value.row.target + ' ' + value.row.unit:<14} {value.verdict}"
            f"\n    {raw}")


def report_tap(values, rows):
    """A result for each of rows; returns the exit status."""
    out = tap.Writer()
    found = {value.row.name: value for value in values}
    for row in rows:
        value = found.get(row.name)
        if not value:
            out.test(row.name, "could not be computed")
            continue
        note = f"{row.name}: {number(value.value)}, " \
               f"target {row.target} {row.unit}".rstrip()
        out.test(note, note if value.verdict != "ok" else "")
    return out.done()
