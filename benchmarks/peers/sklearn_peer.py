"""scikit-learn's MLPClassifier, an epoch by partial_fit, on float32."""

import numpy as np
import sklearn
from nets import LR, MOMENTUM, first_weights, load_numbers
from sklearn.neural_network import MLPClassifier

from peers.timing import megabytes, timed


def versions() -> dict[str, str]:
    return {"scikit-learn": sklearn.__version__}


class Epoch:
    """Epochs of MNIST, each from the same first weights. It shuffles in an order of its own."""

    def __init__(self, sizes: list[int], batch: int, data: str, samples: int) -> None:
        x, y = load_numbers(data)
        samples -= samples % batch
        self.x, self.y, self.start = x[:samples], y[:samples], first_weights(sizes)
        self.net = MLPClassifier(
            sizes[1:-1], solver="sgd", alpha=0, batch_size=batch, learning_rate_init=LR,
            momentum=MOMENTUM, nesterovs_momentum=False, random_state=0,
        )  # fmt: skip
        # Makes its arrays; every turn then starts from the weights that all have.
        self.net.partial_fit(self.x[:batch], self.y[:batch], classes=np.arange(10))

    def turn(self, seed: int) -> dict[str, float]:
        parameters = zip(self.net.coefs_, self.net.intercepts_, strict=True)
        own = [array for layer in parameters for array in layer]
        for array, start in zip(own, self.start, strict=True):
            array[...] = start
        for velocity in self.net._optimizer.velocities:
            velocity[...] = 0
        seconds, _ = timed(self.net.partial_fit, self.x, self.y)
        return {"seconds": seconds, "loss": float(self.net.loss_),
                "megabytes": megabytes("VmHWM")}  # fmt: skip
