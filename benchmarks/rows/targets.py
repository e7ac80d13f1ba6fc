"""What minidl is to reach. Every bound is on the median of the rounds.

A ratio is a peer's time by minidl's, both of one round: 1 is as fast, 2 twice as fast. f is the
fraction of the processor's peak.
"""

from outcome import Target

AS_FAST = Target("≥", 1.0)

PRODUCT_F = Target("≥", 0.85)  # at the common sizes
PRODUCTS = AS_FAST  # as OpenBLAS, at every size
EPOCH_F = {"784-128-10": Target("≥", 0.75), "784-512-256-10": Target("≥", 0.87)}
EPOCH = {
    "784-128-10": {"JAX": Target("≥", 1.4), "NumPy": Target("≥", 2.0),
                   "PyTorch": Target("≥", 3.5), "scikit-learn": Target("≥", 3.5)},
    "784-512-256-10": {"JAX": Target("≥", 1.2), "NumPy": Target("≥", 1.5),
                       "PyTorch": Target("≥", 1.6), "scikit-learn": Target("≥", 2.0)},
}  # fmt: skip
VARIANT = Target("≥", -0.10)  # f minus that of ReLU and SGD
STEP = {"JAX": Target("≥", 2.0), "PyTorch": Target("≥", 8.3)}
INFERENCE = AS_FAST
ACTIVATION = AS_FAST
BANDWIDTH = Target("≥", 0.8)  # of a copy's: relu does little but read and write
IMPORT = Target("≤", 50.0)  # ms more than NumPy alone, which minidl imports
MEMORY = Target("≤", 250.0)  # MB
GROWTH = Target("≤", 1.0)  # MB over all steps but the first tenth
TWO_THREADS = Target("≥", 1.85)  # the whole net, on two threads against one
NO_SLOWER = Target("≥", 0.95)  # a layer of any size: 1, minus the uncertainty of timing
FIT = {"MNIST": Target("≥", 2.0), "iris": AS_FAST}
ACCURACY = Target("≥", -0.1)  # percentage points: equal, except for rounding
DENORMALS = Target("≤", 1.1)  # the last epochs' time by the first ones'

# The time of a step with a change, by that of the plain net's.
CHANGES = {
    "784-128-10": {"plain": Target("≤", 1.25), "BatchNorm": Target("≤", 1.4)},
    "20-32-2": {"plain": Target("≤", 1.6), "BatchNorm": Target("≤", 2.0)},
}
PAPERS = AS_FAST
WIDE = AS_FAST  # the loop's time by a step's
SMALL_FIT = {"fit": Target("≤", 1.3), "fit, validation and accuracy": Target("≤", 2.5)}

# Of tensor operations, PyTorch's time by minidl's; the bounds are the inverse of what minidl's time
# is to be of PyTorch's.
OPERATION = Target("≥", 2.86)  # 0.35
OPERATIONS = {4: Target("≥", 2.5), 64: Target("≥", 1.67)}  # 0.4 and 0.6
GRAPH = {4: Target("≥", 3.33), 64: Target("≥", 2.0)}  # 0.3 and 0.5
LOOP = Target("≥", 4.0)  # 0.25
LOOP_STEP = Target("≤", 60.0)  # µs
LOOP_EPOCH = Target("≤", 1.4)  # the time of TrainingStep
LOOP_PEERS = {"NumPy": AS_FAST}  # and hand-written NumPy's
CONVOLUTION = Target("≤", 60.0)  # ms
VIEWS = Target("≥", 7.1)  # 0.14
