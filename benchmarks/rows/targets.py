"""What minidl is to reach. Every bound is on the median of the rounds.

A ratio is a peer's time by minidl's, both of one round: 1 is as fast, 2 twice as fast.
"""

from outcome import Target

AS_FAST = Target("≥", 1.0)  # as every peer, in every comparison

PRODUCTS = AS_FAST
EPOCH = AS_FAST
STEP = AS_FAST
INFERENCE = AS_FAST
ACTIVATION = AS_FAST
BANDWIDTH = Target("≥", 0.8)  # of what a copy reaches: relu does little but read and write
IMPORT = Target("≤", 1.5)  # times as long as NumPy alone, which minidl imports
MEMORY = Target("≥", 1.0)  # times as much memory as minidl, in every peer
GROWTH = Target("≤", 1.0)  # MB over all steps but the first tenth
THREADS = Target("≥", 1.0)  # the whole net, on all threads against one
NO_SLOWER = Target("≥", 0.95)  # a layer of any size: 1, less what timing leaves uncertain
DENORMALS = Target("≤", 1.1)  # the last epochs' time by the first ones'
