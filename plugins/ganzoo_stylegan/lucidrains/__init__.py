"""The variant of StyleGAN2 in lucidrains' stylegan2-pytorch."""
