"""The training step and prediction: whole nets in one kernel call, or layer by layer."""
