"""The command line, built with click. No other package imports it."""
