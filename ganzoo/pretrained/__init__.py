"""Pretrained models: what a name means, and how it becomes a model that is ready to sample."""
