"""Pinned files of the Hugging Face Hub."""
