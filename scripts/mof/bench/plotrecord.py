# SPDX-License-Identifier: GPL-2.0
"""What is measured for pictures only, and kept in Documentation/bench/."""

import json

from mof.build import REPO, Failure

from . import boot
from .plan import WINDOWS, Boot, Step, small

RECORD = REPO / "Documentation" / "bench" / "costs.json"
# Of all faults that a step has timed, these are kept
PERCENT = (0, 0.1, 0.5, 1, *range(2, 99), 99, 99.5, 99.9, 100)

BOOTS = [
    Boot("plots-2x2", ("--topology", "2x2"), [
        small("methods", "-p 4k,thp -m none,move_pages,mbind-move,mbind-lazy"
              " --window 0,default"),
        small("faults", "-p 4k --window "
              + ",".join(map(str, (0, 1, *WINDOWS, "default"))), "latency"),
        small("faults-thp", "-p thp", "latency"),
    ]),
    # A CPU for each thread, and room for 1 GiB
    Boot("plots-scale", ("--nodes", "2", "--cpus", "4", "--mem", "1536M"), [
        small("threads", "-p 4k --threads 1,2,3,4", "scale"),
        Step("sizes", "-p 4k -s 16M,64M,256M,1G -r 1", "scale"),
    ], timeout=3600),
]


def rounded(value):
    """A tenth of an instruction is enough."""
    return round(value, 1)


def cost(row):
    """What a page costs, call and touches apart."""
    summary = row["summary"]
    return {"method": row["method"], "page": row["page_size"],
            "window": row["window"], "threads": row["threads"],
            "size_mib": row["size_bytes"] >> 20,
            **{name: rounded(summary[f"{name}_per_page_ns"])
               for name in ("call", "first_touch", "second_touch")}}


def percentiles(histogram):
    """The nearest rank of each of PERCENT, in a histogram [[ns, touches]]."""
    total = sum(touches for _, touches in histogram)
    if not total:
        raise Failure("no touch has taken a fault")
    found, seen, steps = [], 0, iter(sorted(histogram))
    ns = None
    for percent in PERCENT:
        while ns is None or seen < percent * total / 100:
            ns, touches = next(steps)
            seen += touches
        found.append(ns)
    return found


def waits(row):
    """How long touches that took a fault waited."""
    return {"page": row["page_size"], "window": row["window"],
            "faulting": sum(touches for _, touches in row["histogram"]),
            "instructions": percentiles(row["histogram"])}


def taken(results):
    """What pictures need, of {step: boot.Result}."""
    found = {}
    for name, result in results.items():
        shape = waits if name.startswith("faults") else cost
        found[name] = [shape(row) for row in result.output["results"]]
    return found


def commands():
    """What was run, as a reader would."""
    return [f"mof-vm {' '.join((*boot.OPTIONS, *each.machine))} -- "
            f"numa-bench {step.command(f'{step.name}.json')}"
            for each in BOOTS for step in each.steps]


def lines(value, depth=0):
    """JSON with a line for each row."""
    items = value.values() if isinstance(value, dict) else value
    if depth == 2 or not isinstance(value, (dict, list)) or \
            all(isinstance(item, (int, float)) for item in items):
        return json.dumps(value)
    names = [f"{json.dumps(name)}: " for name in value] \
        if isinstance(value, dict) else [""] * len(value)
    inner = ",\n".join(" " * (depth + 1) + name + lines(item, depth + 1)
                       for name, item in zip(names, items))
    left, right = "{}" if isinstance(value, dict) else "[]"
    return f"{left}\n{inner}\n{' ' * depth}{right}"


def record(path=RECORD):
    """Boot the guests, write the record."""
    boot.build()
    results = {}
    for each in BOOTS:
        results |= boot.run(each)
    output = next(iter(results.values())).output
    found = {"machine": {"kernel": output["kernel"]["release"],
                         "cpu_options": " ".join(boot.OPTIONS),
                         "clock_unit": output["clock_unit"],
                         "settings": output["settings"]},
             "commands": commands(), "percent": list(PERCENT)}
    path.write_text(lines(found | taken(results)) + "\n")
