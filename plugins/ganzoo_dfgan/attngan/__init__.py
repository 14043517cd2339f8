"""AttnGAN: pictures from words, by attention (arXiv:1711.10485)."""
