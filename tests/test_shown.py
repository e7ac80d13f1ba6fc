"""What a notebook shows of nets, histories, reports and tensors; an optimiser's settings."""

from xml.etree import ElementTree

import numpy as np
import pytest

import minidl
from minidl import nn, optim, train
from minidl.diagnostics import Report

ODD = '<b> & "c"'


def cells(shown):
    """The cells of an HTML table, as their text."""
    table = ElementTree.fromstring(f"<div>{shown._repr_html_()}</div>").find("table")
    return [["".join(cell.itertext()) for cell in row] for row in table]


def text(shown):
    return "".join(ElementTree.fromstring(f"<div>{shown._repr_html_()}</div>").itertext())


class Odd(nn.Layer):
    def __init__(self):
        self.parts = {ODD: nn.Parameter(np.ones((2, 3)))}

    def describe(self):
        return ODD


def test_a_net():
    net = nn.Sequential(nn.Dense(784, 4, bias=False), Odd())
    assert cells(net) == [
        ["layer", "shapes", "parameters"],
        ["Sequential()", "", ""],
        ["\xa0\xa00: Dense(784, 4, bias=False)", "weight (784, 4)", "3,136"],
        [f"\xa0\xa01: Odd({ODD})", f"parts.{ODD} (2, 3)", "6"],
        ["total", "", "3,142"],
    ]


def test_a_history():
    rows = [{"epoch": i, "loss": 1 / i, ODD: i, "time": "noon"} for i in range(1, 31)]
    history = train.History(rows, stopped=ODD)
    found = cells(history)
    assert found[:2] == [["epoch", "loss", ODD], ["1", "1", "1"]]
    assert found[10:13] == [["10", "0.1", "10"], ["...", "", ""], ["21", "0.04762", "21"]]
    assert len(found) == 22
    assert text(history).endswith(f"stopped: {ODD}")
    assert text(train.History()) == "History: no epoch was finished"


def test_a_report():
    report = Report([{ODD: {"kind": f"Odd({ODD})", "mean": 0.5, "dead": 0.25}}])
    assert cells(report) == [["layer", "kind", "mean", "dead"], [ODD, f"Odd({ODD})", "0.5", "25 %"]]
    assert text(Report()) == "Report: no epoch was finished"


def test_a_tensor():
    x = minidl.tensor([[1.0, 2.0]], dtype="float64", requires_grad=True)
    assert text(x) == f"tensor (1, 2), float64{x!r}"
    x.sum().backward()
    assert "tensor (1, 2), float64, with a gradient" in text(x)


def drawn(figure):
    return [axis.get_title() for axis in figure.axes]


def test_the_rate_is_drawn_if_it_changes():
    rows = [{"epoch": i, "loss": i, "validation_loss": i, "rate": 0.1} for i in (1, 2, 3)]
    pyplot = pytest.importorskip("matplotlib.pyplot")
    assert drawn(train.History(rows).plot()) == ["loss"]
    rows[-1] = rows[-1] | {"rate": 0.01}
    assert drawn(train.History(rows).plot()) == ["loss", "rate"]
    pyplot.close("all")


def test_in_a_notebook_a_figure_is_the_cells_value_alone(monkeypatch):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    history = train.History([{"epoch": i, "loss": i} for i in (1, 2)])
    report = Report([{"0": {"kind": "ReLU()", "mean": 0.5}}])
    history.plot(), report.plot()
    assert len(pyplot.get_fignums()) == 2  # open, for pyplot.show()
    pyplot.close("all")
    monkeypatch.setattr(pyplot, "get_backend", lambda: "module://matplotlib_inline.backend_inline")
    history.plot(), report.plot()
    assert pyplot.get_fignums() == []


def test_an_optimiser_says_its_settings():
    net = nn.Sequential(nn.Dense(784, 2), nn.Dense(2, 3))
    assert repr(optim.SGD(net.parameters(), lr=0.05, momentum=0.9)) == (
        "SGD(lr=0.05, momentum=0.9, 1,579 parameters)"
    )
    assert repr(optim.Adam(net.parameters())) == "Adam(lr=0.001, 1,579 parameters)"
    assert repr(optim.Adam(net.parameters(), betas=(0.8, 0.99), maximize=True)) == (
        "Adam(lr=0.001, betas=(0.8, 0.99), maximize=True, 1,579 parameters)"
    )


def test_an_optimiser_says_the_settings_of_each_group():
    net = nn.Sequential(nn.Dense(784, 2), nn.Dense(2, 3))
    groups = [{"params": net[0].parameters()}, {"params": net[1].parameters(), "lr": 0.5}]
    optimizer = optim.SGD(groups, lr=0.05)
    optimizer.param_groups[0]["weight_decay"] = np.float64(0.25)
    assert repr(optimizer).splitlines() == [
        "SGD(",
        "  lr=0.05, weight_decay=0.25, 1,570 parameters",
        "  lr=0.5, 9 parameters",
        ")",
    ]


class Own(optim.SGD):
    def __init__(self, params, lr, clip):
        super().__init__(params, lr=lr)


def test_an_optimiser_of_ones_own_says_all_that_its_constructor_does_not_know():
    text = repr(Own([nn.Parameter(np.ones(2))], 0.1, 3))
    assert text.startswith("Own(lr=0.1, ")
    assert text.endswith(", 2 parameters)")
