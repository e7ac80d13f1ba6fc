"""A report that has everything that can be in one: long names, hostile texts, missing numbers."""

import numpy as np

from minidl_lab import FULL
from minidl_lab.charts import Images, Intervals, Lines, Matrix, Panels, Row, Series, Table
from minidl_lab.experiment import Experiment, Verdict
from minidl_lab.seals import seal_of

HOSTILE = '<script>alert(\'&amp;\')</script> "a" & b $x^2$ #010101 id="verdicts"'
NET = "784-256x5-10, tanh, Glorot"
NAMES = [
    "identity",
    "sigmoid",
    "tanh",
    "relu",
    "leaky relu",
    "elu",
    "selu",
    "gelu",
    "mine, a long one",
]
COMMITS = ("c0ffee" * 7, "deed" * 10)
EPOCHS = list(range(1, 31))


def falling(names):
    """Training errors with bands; of the last there are numbers up to the tenth epoch only."""
    curves = {
        name: [0.3 / (i + 2) / epoch**0.8 for epoch in EPOCHS] for i, name in enumerate(names)
    }
    curves[names[-1]][10:] = [None] * 20
    return [
        Series(name, EPOCHS, y, *([None if v is None else f * v for v in y] for f in (0.8, 1.2)))
        for name, y in curves.items()
    ]


def histogram(layer):
    outputs = np.random.default_rng(layer).normal(0, 0.2 * layer, 1000)
    counts, edges = np.histogram(outputs, 40, (-3, 3))
    return Series("outputs", edges.tolist(), (counts / 1000).tolist(), style="steps")


def outputs(title, *series, **options):
    return Lines(title, "output", "share", series, **options)


X = [0.0, 1e-4, 0.01, 1.0, 100.0, 1e4]
Y = [0.1, 1.0, None, 3.0, 0.0, 20.0]
GAPS = Lines(
    "Learning rates", "rate", "loss",
    [
        Series("dots", X, [2.0] * 6, style="dots"),
        Series("band", X, Y, [0.0, 0.5, None, 0.0, 0.0, 9.0], [0.2, 2.0, None, 4.0, 0.1, 50.0]),
        Series("steps", X[1:], [1.0, None, 0.0, 5.0, 4.0], style="steps"),
    ],
    log_x=True, log_y=True, x_marks={"2 / curvature": 1e-3, NET: 10.0},
)  # fmt: skip
PAIRS = np.random.default_rng(0).uniform(-1, 1, (10, 10)).round(3).tolist()
WEIGHTS = np.random.default_rng(0).normal(size=(6, 28, 28)).tolist()


NETS = ["two layers", "three layers", "six layers"]
ACTIVATIONS = [
    "sigmoid", "tanh", "LeCun's tanh", "softsign", "ReLU", "leaky ReLU 0.01", "leaky ReLU 0.1",
    "PReLU", "ELU", "SELU", "GELU", "SiLU", "mish", "maxout, equal units", "maxout, equal weights",
]  # fmt: skip


def league():
    """Charts of a league: fifteen rows, a matrix of fifteen by six, and ranks."""
    places = [f"{net}, {optimizer}" for optimizer in ("SGD", "Adam") for net in NETS]
    ratios = [[round(0.9 + 0.02 * i + 0.01 * j, 2) for j in range(6)] for i in range(15)]
    found = [*zip(ACTIVATIONS, ratios, strict=True)]
    rows = [Row(name, one[0], one[0] - 0.03, one[0] + 0.03) for name, one in found]
    ranks = [[name, "1", "1 to 15", *["1.00 (0.95 to 1.05)"] * 4] for name in ACTIVATIONS]
    header = ["activation", "rank", "interval", *[f"{net}, test error" for net in NETS], "steps"]
    return [
        Intervals("Ratios", "times ReLU's error", rows, reference=1.0, same=(0.96, 1.04)),
        Matrix("Ratios", ACTIVATIONS, places, ratios, "Fifteen by six.", "activation", 1.0),
        Matrix("Pairs", ACTIVATIONS, [name[:7] for name in ACTIVATIONS], [[0.5] * 15] * 15),
        Table("Ranks", header, ranks),
        Table("Means", ["net", *[f"layer {i}" for i in range(9)]],
              [[NET, *["0.573 (0.392 to 0.754)"] * 9]] * 3, "A table wider than paper."),
        Table("Every run", ["net", *[f"seed {2000 + i}" for i in range(14)]],
              [[f"{NET} {i}", *["12.34"] * 14] for i in range(40)], "A table longer than a page."),
    ]  # fmt: skip


class Curves(Experiment):
    """Lines of every kind."""

    name = "curves"
    title = "Curves & <b>bands</b>"
    claim = f"A claim {HOSTILE} that goes on for some time, as textbooks do, until it is said."
    source = "Glorot & Bengio 2010, section 4.2.1, figure 6"
    protocol = f"First {HOSTILE}.\n\nThen."
    rule = f"Reproduced if {HOSTILE}."
    tried = {"margin": (0.025, 0.1)}
    seconds = {"full": 1, "quick": 1}

    def measure(self, bench):
        return {}

    def judge(self, numbers, margin=0.05):
        if margin > 0.05:
            return Verdict("undecided", HOSTILE, "", "")
        evidence = f"{HOSTILE} 100 %, at 64 61 % (58 to 65)."
        return Verdict("true only when", "the batch is 1", evidence, f"Five {HOSTILE} times.")

    def in_short(self, numbers):
        return f"In short {HOSTILE}."

    def charts(self, numbers):
        hostile = [Series(HOSTILE, [1, 2, 3], [1, 2, 3]), Series("&lt;", [1, 2, 3], [3, 2, 1])]
        shares = [Series(n, [1, 2, 3, 4, 5], [0.4 * i] * 5) for i, n in enumerate(NAMES[:3])]
        narrow = Series("one", [0.9, 1.0, 1.1], [0.5, 0.51, 0.52])
        return [
            Lines("Training error", "epoch", "error", falling(NAMES), "It falls.", True, True,
                  {"chance, ten classes": 0.9}),
            Lines(HOSTILE, HOSTILE, HOSTILE, hostile, HOSTILE, marks={HOSTILE: 2.5}),
            GAPS,
            Lines("Narrow", "rate", "share", [narrow], log_x=True, log_y=True),
            Lines("Shares", "layer", "share of units", shares, y_range=(0.0, 1.0)),
            Lines("Nothing", "rate", "loss", [Series("a", [1], [None])], log_x=True, log_y=True),
        ]  # fmt: skip


class Grids(Curves):
    """Panels, images, matrices and tables."""

    name = "grids"
    title = "Grids"

    def in_short(self, numbers):
        return ""

    def judge(self, numbers, margin=0.05):
        return Verdict("reproduced", "it is faster", "3.21 (2.98 to 3.55), of 2 asked for.")

    def charts(self, numbers):
        errors = falling(NAMES[:3])
        large = [Series("outputs", X, Y), Series("others", X, X[::-1])]
        lower = [[v if j < i else None for j, v in enumerate(row)] for i, row in enumerate(PAIRS)]
        return [
            Panels("Each layer", [outputs(f"layer {i}", histogram(i)) for i in range(1, 11)]),
            Panels("Odd", [
                Lines(f"{NET} {i}", "epoch", "error", errors, log_y=True, marks={"chance": 0.9})
                for i in range(3)
            ]),
            Panels("Own axes", [outputs("small", histogram(1)), outputs("large", *large),
                                outputs("none")], same_x=False, same_y=False),
            Images("Weights", [(f"neuron {i}, {NET}", w) for i, w in enumerate(WEIGHTS)]),
            Images("A digit", [("one", [[0.0, 1.0], [-0.5, 0.0]]), (HOSTILE, [[0.0]])], limit=1.0),
            Matrix("Pairs", [*"0123456789"], [*"0123456789"], lower, "How alike.", "digit"),
            Table("Numbers", ["net", "error", HOSTILE], [[NET, "1.23 %", "12 (11 to 13)"]] * 2),
            *league(),
        ]  # fmt: skip


class Ranges(Curves):
    """Intervals."""

    name = "ranges"
    title = "Ranges"

    def judge(self, numbers, margin=0.05):
        return Verdict("not reproduced", "it is not", "1.02 (0.94 to 1.11): 1 is in the interval.")

    def charts(self, numbers):
        rows = [Row(f"{NET} {i}", 2.0**i / 4, 2.0**i / 5, 2.0**i / 3) for i in range(6)]
        odd = [Row("diverged", None, None, None), Row(f"{NET} and more than a line", 3.0, 0.0, 9.0)]
        return [
            Intervals("Ratios", "times", [*rows, *odd], reference=1.0, log=True),
            Intervals("None", "points", []),
            Intervals("One", HOSTILE, [Row(HOSTILE, 0.5, -0.5, 1.5)], reference=0.0),
        ]


EXPERIMENTS = {one.name: one for one in (Curves(), Grids(), Ranges())}


def verdict_of(one, scale):
    verdict = one.judge({})
    return verdict if scale.is_judged else verdict.without_verdict()


def results(scale=FULL, added=()):
    """Of these three, as results.json has them."""
    given = [{"net": NET, "lr": 0.1 * 2**i, "seed": i, "sizes": [784, 10]} for i in range(5)]
    cells = [{"what": "learn", "arguments": a, "seconds": 1.5, "result": {}} for a in given]
    found = {"numbers": {}, "seconds": 200.5, "cells": cells}
    return {
        "minidl": "0.0.9", "data": "0123abc", "scale": scale._asdict(), "added": [*added],
        "experiments": {
            one.name: {
                "verdict": verdict_of(one, scale)._asdict(), **found,
                "seal": (seal_of(one) | {"changed": HOSTILE * (one.name == "ranges")})
                if scale.is_judged else dict.fromkeys(("rule", "protocol", "changed"), ""),
                "surroundings": {
                    "commit": COMMITS[one.name == "ranges"], "date": "2026-01-31",
                    "numpy": "2.4.0", "python": "3.11.7", "processor": "A processor <&>",
                    "cpus": 2, "threads": 2, "level": "v3", "fashion": "",
                },
            }
            for one in EXPERIMENTS.values()
        },
    }  # fmt: skip
