"""The callback of docs/guides/callbacks.md for Weights & Biases, against the package itself."""

import re
from pathlib import Path

import numpy as np
import pytest

from minidl import functional as F
from minidl import nn, optim, train

wandb = pytest.importorskip("wandb")
PAGE = Path(__file__).parents[2] / "docs" / "guides" / "callbacks.md"


def test_each_epochs_numbers_are_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_SILENT", "true")
    names = {"train": train}
    exec(re.search(r"```py\n(.*?)```", PAGE.read_text(), re.DOTALL)[1], names)
    net = nn.MLP([2, 2])
    with wandb.init(project="mine", mode="offline", dir=tmp_path):
        history = train.fit(
            net, (np.eye(2), np.arange(2)), F.cross_entropy, optim.SGD(net.parameters(), 0.1), 3,
            callbacks=[names["WandB"]()], progress=False,
        )  # fmt: skip
    (kept,) = tmp_path.rglob("*.wandb")
    assert all(str(loss).encode() in kept.read_bytes() for loss in history["loss"])
