"""A model, and its images in files."""
