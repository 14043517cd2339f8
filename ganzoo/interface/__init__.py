"""What a plugin declares and implements."""
