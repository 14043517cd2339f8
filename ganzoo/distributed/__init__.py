"""Data-parallel training: several processes train one model."""
