"""What all plugins declare, by name."""
