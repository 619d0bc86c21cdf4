"""Training on one or many GPUs and machines: arguments, checkpoints, launch."""
