"""Trains one net on MNIST: two or three layers, any activation.

python examples/train_mnist.py --layers 2 --activation relu
python examples/train_mnist.py --layers 3 --activation maxout --option pieces=5
python examples/train_mnist.py --hidden 512 256 --optimizer adam --epochs 5 --save net.npz
"""

import argparse
import ast
import sys
from pathlib import Path

import numpy as np
from training import HIDDEN, add_training_options, load, train

import minidl
from minidl import nn
from minidl.layers.activations import REGISTRY


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--layers", type=int, choices=HIDDEN, default=2, help="default: 2")
    parser.add_argument("--activation", choices=REGISTRY, default="relu", metavar="NAME",
                        help=f"{', '.join(REGISTRY)} (default: relu)")  # fmt: skip
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE",
                        help="an option of the activation, such as pieces=5")  # fmt: skip
    parser.add_argument("--hidden", type=int, nargs="+", metavar="N",
                        help="hidden sizes (default: 128, with --layers 3: 256 128)")  # fmt: skip
    parser.add_argument("--dropout", type=float, default=0.0, help="default: 0")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the weights, as .npz")
    add_training_options(parser)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    arguments = parse(argv)
    minidl.manual_seed(arguments.seed)
    options = {
        name: ast.literal_eval(value)
        for name, _, value in (option.partition("=") for option in arguments.option)
    }
    sizes = [784, *(arguments.hidden or HIDDEN[arguments.layers]), 10]
    train_set, test_set = load(arguments)
    net = nn.MLP(sizes, arguments.activation, dropout=arguments.dropout, **options)
    print(f"{net}\n{net.count_parameters():,} parameters")

    history = train(net, train_set, test_set, arguments, arguments.activation)
    for epoch, (loss, correct) in enumerate(
        zip(history.train_loss, history.test_accuracy, strict=True), start=1
    ):
        print(f"epoch {epoch:2}: train loss {loss:.4f}, test accuracy {correct:.2%}")
    print(f"{history.seconds:.1f} s of training")
    if arguments.save:
        with arguments.save.open("wb") as file:  # by a name, savez may add an ending to it
            np.savez(file, **net.state_dict())
        print(f"weights in {arguments.save}; net.load_state_dict(np.load(FILE)) reads them")


if __name__ == "__main__":
    try:
        main()
    except (minidl.MinidlError, OSError) as error:
        sys.exit(f"train_mnist: {error}")
