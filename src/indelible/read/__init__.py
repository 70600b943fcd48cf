"""The way out: from a filter to entries with their personal values, their stories and what they come to."""
