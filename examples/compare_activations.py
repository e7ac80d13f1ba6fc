"""Trains nets of two and three layers on MNIST with each activation and compares them.

Ends with a table, printed and written to results.md and results.json, and two pictures:
curves.png (loss and accuracy by epoch) and activations.png (each function and its derivative).

    python examples/compare_activations.py
    python examples/compare_activations.py --activations relu gelu mish --epochs 3
"""

import argparse
import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from training import HIDDEN, History, add_training_options, load, train

import minidl
from minidl import nn
from minidl.layers.activations import REGISTRY, Activation

TEXTBOOK = ["sigmoid", "tanh", "relu", "leaky_relu", "prelu", "maxout"]


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--activations", nargs="+", choices=REGISTRY, default=TEXTBOOK,
                        metavar="NAME", help=f"default: {' '.join(TEXTBOOK)}")  # fmt: skip
    parser.add_argument("--output", type=Path, default=Path("results"), metavar="DIR",
                        help="the folder of the table and pictures (default: results)")  # fmt: skip
    add_training_options(parser)
    return parser.parse_args(argv)


class Result:
    """One trained net."""

    def __init__(self, layers: int, activation: str, net: nn.MLP, history: History) -> None:
        self.sizes = "-".join(map(str, [784, *HIDDEN[layers], 10]))
        self.layers, self.activation, self.history = layers, activation, history
        self.parameters = net.count_parameters()

    def row(self) -> tuple[str, ...]:
        return (
            self.sizes, self.activation, f"{self.parameters:,}", f"{self.history.seconds:.1f}",
            f"{self.history.train_loss[-1]:.4f}", f"{self.history.test_accuracy[-1]:.2%}",
        )  # fmt: skip


HEADER = ("net", "activation", "parameters", "seconds", "train loss", "test accuracy")


def table(results: list[Result]) -> str:
    """The results in Markdown, the columns aligned."""
    rows = [HEADER, *(result.row() for result in results)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADER))]

    def line(row: tuple[str, ...]) -> str:
        words = [cell.ljust(w) if i < 2 else cell.rjust(w)
                 for i, (cell, w) in enumerate(zip(row, widths, strict=True))]  # fmt: skip
        return f"| {' | '.join(words)} |"

    rule = "|".join("-" * (w + 1) + ("-" if i < 2 else ":") for i, w in enumerate(widths))
    return "\n".join([line(HEADER), f"|{rule}|", *map(line, rows[1:])])


def draw_curves(results: list[Result], file: Path) -> None:
    """Train loss and test accuracy by epoch, the nets of two and three layers below each other."""
    depths = sorted({result.layers for result in results})
    figure, axes = plt.subplots(
        len(depths), 2, figsize=(10, 3.6 * len(depths)), squeeze=False, layout="constrained"
    )
    for (loss_axes, accuracy_axes), depth in zip(axes, depths, strict=True):
        for result in (r for r in results if r.layers == depth):
            epochs = range(1, len(result.history.train_loss) + 1)
            loss_axes.plot(epochs, result.history.train_loss, ".-", label=result.activation)
            accuracy_axes.plot(
                epochs, 100 * np.array(result.history.test_accuracy), ".-", label=result.activation
            )
            title = result.sizes
        loss_axes.set(title=f"{title}: train loss", xlabel="epoch", yscale="log")
        accuracy_axes.set(title=f"{title}: test accuracy in %", xlabel="epoch")
        for plot in (loss_axes, accuracy_axes):
            plot.grid(alpha=0.3)
            plot.xaxis.get_major_locator().set_params(integer=True)
        accuracy_axes.legend()
    figure.savefig(file, dpi=110)
    plt.close(figure)


def curve(kind: type[Activation], x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """y and dy/dx of an activation along x, found by minidl itself; other pieces stay at 0."""
    layer = kind().astype(np.float64)
    pieces = kind.inputs_per_unit(layer.options)
    inputs = np.zeros((len(x), pieces))
    inputs[:, 0] = x
    tensor = minidl.Tensor(inputs, requires_grad=True)
    y = layer(tensor)
    y.sum().backward()
    return y.numpy()[:, 0], tensor.grad.numpy()[:, 0]


def draw_activations(names: list[str], file: Path) -> None:
    """Each activation with its derivative."""
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(3.6 * columns, 3 * rows), squeeze=False, layout="constrained"
    )
    x = np.linspace(-4, 4, 800)  # an even number: no point lies on the kink at 0
    for plot, name in zip(axes.flat, names, strict=False):
        y, slope = curve(REGISTRY[name], x)
        plot.axhline(0, color="0.8", linewidth=0.8)
        plot.axvline(0, color="0.8", linewidth=0.8)
        plot.plot(x, y, label="y")
        plot.plot(x, slope, "--", label="dy/dx")
        plot.set(title=name, ylim=(-1.6, 2.6))
        plot.legend(loc="upper left")
    for plot in axes.flat[len(names) :]:
        plot.axis("off")
    figure.savefig(file, dpi=110)
    plt.close(figure)


def main(argv: list[str] | None = None) -> None:
    arguments = parse(argv)
    train_set, test_set = load(arguments)
    results = []
    for layers, hidden in HIDDEN.items():
        for name in arguments.activations:
            minidl.manual_seed(arguments.seed)
            net = nn.MLP([784, *hidden, 10], name)
            history = train(net, train_set, test_set, arguments, f"{layers} layers, {name}")
            results.append(Result(layers, name, net, history))
            print(" | ".join(results[-1].row()), flush=True)
    arguments.output.mkdir(parents=True, exist_ok=True)
    print(f"\n{table(results)}\n")
    (arguments.output / "results.md").write_text(table(results) + "\n")
    settings = {k: str(v) if isinstance(v, Path) else v for k, v in vars(arguments).items()}
    numbers = [vars(result) | {"history": vars(result.history)} for result in results]
    (arguments.output / "results.json").write_text(
        json.dumps(
            {"settings": settings, "config": minidl.show_config(), "results": numbers}, indent=1
        )
    )
    draw_curves(results, arguments.output / "curves.png")
    draw_activations(arguments.activations, arguments.output / "activations.png")
    print(f"The table and the pictures curves.png and activations.png are in {arguments.output}/")


if __name__ == "__main__":
    try:
        main()
    except (minidl.MinidlError, OSError) as error:
        sys.exit(f"compare_activations: {error}")
