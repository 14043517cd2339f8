"""Data sets: where images come from, and batches of them."""
