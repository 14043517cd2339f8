"""Weights: read from files, written to files, and loaded into networks."""
