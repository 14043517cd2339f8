"""Download and verify pinned files of the Hugging Face Hub."""
