"""Connects what accounts do to the log."""
