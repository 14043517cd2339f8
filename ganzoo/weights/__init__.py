"""Tensors in files, and from files into networks."""
