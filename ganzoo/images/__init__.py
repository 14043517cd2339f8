"""Pixels in and out: picture files, tensors, sheets."""
