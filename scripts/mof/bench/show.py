# SPDX-License-Identifier: GPL-2.0
"""The table for people, and TAP for scripts/test."""

from mof import tap


def raw(value):
    """The values a ratio is made of, with their units."""
    return "; ".join(f"{name} {number:,.6g}" if abs(number) < 1e5
                     else f"{name} {number:,.0f}"
                     for name, number in value.raw.items())


def number(ratio):
    """A ratio with the digits that matter."""
    return f"{ratio:.4f}" if ratio < 10 else f"{ratio:.1f}"


def fields(verdict):
    """One line of the table, but for the raw values."""
    value, recorded = verdict.value, verdict.recorded
    return (verdict.name, number(value.ratio) if value else "-",
            value.target if value else recorded["target"],
            number(recorded["ratio"]) if recorded else "-",
            verdict.verdict + (", better" if verdict.better else ""))


def table(verdicts):
    """All rows, with a line of raw values below each."""
    lines = [f"{'row':<39} {'measured':>9} {'target':>9} {'recorded':>9}  "
             "verdict"]
    for verdict in verdicts:
        lines.append("{:<39} {:>9} {:>9} {:>9}  {}".format(*fields(verdict)))
        if verdict.value:
            lines.append(f"    {raw(verdict.value)}")
    return "\n".join(lines)


def report_tap(verdicts):
    """A result for each row; returns the exit status."""
    out = tap.Writer()
    for verdict in verdicts:
        name, measured, target, recorded, word = fields(verdict)
        note = f"{name}: {word}: {measured}, recorded {recorded}, " \
               f"target {target}"
        out.test(note, note if verdict.bad else "")
    return out.done()


def profiles(now, before=None):
    """Instructions a page by function; with those of before, the change."""
    names = sorted(set(now) | set(before or ()),
                   key=lambda name: (-max(now.get(name, 0),
                                          (before or {}).get(name, 0)), name))
    lines = []
    for name in ["total", *(name for name in names if name != "total")]:
        after = now.get(name, 0)
        if before is None:
            lines.append(f"{after:10.1f}  {name}")
        else:
            old = before.get(name, 0)
            lines.append(f"{old:10.1f} {after:10.1f} {after - old:+10.1f}  "
                         f"{name}")
    return "\n".join(lines)
