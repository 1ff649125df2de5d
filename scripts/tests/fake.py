# SPDX-License-Identifier: GPL-2.0
"""Results of a benchmark's step without a guest."""

import json

from mof.bench import step
from mof.build import Failure

NS = 10**9


class Result(step.Result):
    """A step with the files of a dict; results: rows of numa-bench by file."""

    def __init__(self, name="step", files=(), profiles=None, **results):
        super().__init__(step.Step("bench", "2x2", name, "", ()))
        self.files = dict(files)
        self.profiles = profiles
        for file, rows in results.items():
            self.files[f"{file}.json"] = json.dumps({
                "kernel": {"release": "6.12"}, "clock_unit": "instructions",
                "options": {"run_ns": 60 * NS, "settle_ns": 30 * NS,
                            "period_ns": NS, "size_bytes": 64 << 30},
                "results": rows})

    def text(self, name):
        try:
            return self.files[name]
        except KeyError as error:
            raise Failure(str(error)) from None

    def outputs(self):
        return {name[:-5]: json.loads(text)
                for name, text in self.files.items() if ".json" in name}

    def profile(self, name):
        return self.profiles[name]
