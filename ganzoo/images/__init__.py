"""Images: reading and writing picture files, tensors, contact sheets and animations."""
