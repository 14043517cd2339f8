"""From a plan to a run in a folder: the training loop, its checkpoints, and its observers."""
