"""The engine: tensors, the tape that records their operations, and gradients from it."""
