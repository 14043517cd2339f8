"""Finds the installed plugins and looks up the records that they declare."""
