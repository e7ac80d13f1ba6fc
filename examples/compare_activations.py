"""Trains nets of two and three layers on MNIST with each activation and compares them.

Ends with a table, printed and written to results.md, the numbers in results.json, and two
pictures: curves.png (train loss and test error by epoch) and activations.png (each function and
its derivative). They are written anew after each seed.

    python examples/compare_activations.py
    python examples/compare_activations.py --seeds 5
    python examples/compare_activations.py --activations relu gelu mish --epochs 3
    python examples/compare_activations.py --hidden 64 --hidden 64 32 --activations relu
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from curves import draw, of_each_net
from training import HIDDEN, add_training_options, load, train

import minidl
from minidl import nn
from minidl.cli import pictures
from minidl.layers.activations import REGISTRY

TEXTBOOK = ["sigmoid", "tanh", "relu", "leaky_relu", "prelu", "maxout"]


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--activations", nargs="+", choices=REGISTRY, default=TEXTBOOK,
                        metavar="NAME", help=f"default: {' '.join(TEXTBOOK)}")  # fmt: skip
    parser.add_argument(
        "--hidden",
        type=int,
        nargs="+",
        action="append",
        metavar="N",
        help="the hidden sizes of a net; once for each (default: 128, 256 128)",
    )
    parser.add_argument("--seeds", type=int, default=1, metavar="N",
                        help="how often to train each net (default: 1)")  # fmt: skip
    parser.add_argument("--output", type=Path, default=Path("results"), metavar="DIR",
                        help="the folder of the table and pictures (default: results)")  # fmt: skip
    add_training_options(parser)
    return parser.parse_args(argv)


def train_one(
    hidden: list[int], activation: str, sets: tuple, arguments: argparse.Namespace
) -> dict:
    """Trains a net; returns its description, and its numbers by epoch. All nets of a seed see the
    same batches."""
    minidl.manual_seed(arguments.seed)
    sizes = [784, *hidden, 10]
    name = "-".join(map(str, sizes))
    net = nn.MLP(sizes, activation)
    history = train(net, *sets, arguments, f"{name}, {activation}, seed {arguments.seed}")
    errors = [round(100 - 100 * right, 4) for right in history.test_accuracy]
    print(f"{name}, {activation}, seed {arguments.seed}: {history.seconds:.1f} s, "
          f"test error {errors[-1]:.2f} %", flush=True)  # fmt: skip
    return {
        "net": name, "activation": activation, "seed": arguments.seed,
        "parameters": net.count_parameters(),
        "train_loss": [round(loss, 6) for loss in history.train_loss], "test_error": errors,
    }  # fmt: skip


def mean_and_sd(values: list[float], digits: int) -> str:
    """The mean, and the standard deviation over the seeds if there are several."""
    spread = f" ± {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{np.mean(values):.{digits}f}{spread}"


HEADER = ("net", "activation", "parameters", "train loss", "test error %")


def table(trainings: list[dict]) -> str:
    """The last epoch's numbers in Markdown, the columns aligned."""
    rows = [HEADER]
    for seeds in of_each_net(trainings):
        loss, error = ([seed[what][-1] for seed in seeds] for what in ("train_loss", "test_error"))
        rows.append((seeds[0]["net"], seeds[0]["activation"], f"{seeds[0]['parameters']:,}",
                     mean_and_sd(loss, 4), mean_and_sd(error, 2)))  # fmt: skip
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]

    def line(row: tuple[str, ...]) -> str:
        words = [cell.ljust(w) if i < 2 else cell.rjust(w)
                 for i, (cell, w) in enumerate(zip(row, widths, strict=True))]  # fmt: skip
        return f"| {' | '.join(words)} |"

    rule = "|".join("-" * (w + 1) + ("-" if i < 2 else ":") for i, w in enumerate(widths))
    return "\n".join([line(HEADER), f"|{rule}|", *map(line, rows[1:])])


def write(trainings: list[dict], arguments: argparse.Namespace) -> None:
    """The table, the numbers and the pictures."""
    folder = arguments.output
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.md").write_text(table(trainings) + "\n")
    settings = {k: v for k, v in vars(arguments).items() if k not in ("data", "output", "seed")}
    head = json.dumps({"settings": settings, "config": minidl.show_config()})
    lines = ",\n ".join(map(json.dumps, trainings))
    (folder / "results.json").write_text(f'{head[:-1]}, "trainings": [\n {lines}\n]}}\n')
    draw(trainings, folder / "curves.png")


def main(argv: list[str] | None = None) -> None:
    arguments = parse(argv)
    sets, trainings = load(arguments), []
    for _ in range(arguments.seeds):
        trainings += [
            train_one(hidden, name, sets, arguments)
            for hidden in arguments.hidden or HIDDEN.values()
            for name in arguments.activations
        ]
        write(trainings, arguments)
        arguments.seed += 1
    kinds = [REGISTRY[name] for name in arguments.activations]
    pictures.draw(kinds, arguments.output / "activations.png")
    print(f"\n{table(trainings)}\n")
    print(f"The table and the pictures curves.png and activations.png are in {arguments.output}/")


if __name__ == "__main__":
    try:
        main()
    except (minidl.MinidlError, OSError) as error:
        sys.exit(f"compare_activations: {error}")
