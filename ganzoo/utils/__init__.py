"""Small helpers for files, devices, seeds and names, which do not depend on GANs."""
