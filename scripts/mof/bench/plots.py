# SPDX-License-Identifier: GPL-2.0
"""The pictures that there are, and the record that each is made from."""

import json

from mof.build import REPO, Failure

from . import plotcost, plotmodel, plottime

PLACE = REPO / "Documentation" / "bench"


def of_costs(costs):
    """{name: picture}"""
    return {"cost-methods": plotcost.methods(costs),
            "cost-latency": plotcost.latency(costs),
            "cost-scale": plotcost.scale(costs)}


def of_automatic(record):
    """Two for each machine."""
    found = {}
    for topology, series in record["series"].items():
        found[f"automatic-local-{topology}"] = plottime.local(topology, series)
        found[f"automatic-faults-{topology}"] = plottime.faults(topology,
                                                                series)
    return found


def of_model(model):
    """The headline, and how it comes about."""
    return {"model-remote": plotmodel.remote(model),
            "model-local": plotmodel.local(model)}


RECORDS = {"costs.json": of_costs, "automatic.json": of_automatic,
           "model.json": of_model}


def pictures(name, place=PLACE):
    """{name: picture} of a record; None if there is no such record yet."""
    path = place / name
    try:
        return RECORDS[name](json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, LookupError, TypeError) as error:
        raise Failure(f"{path}: {error!r}") from None
