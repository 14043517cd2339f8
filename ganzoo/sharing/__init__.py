"""Share models: their cards, and publishing to the Hub."""
