"""What knows nothing of GANs: files, devices, seeds, names."""
