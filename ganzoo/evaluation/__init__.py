"""How good images are: metrics that compare them with real images."""
