"""The forms that are written once and for ever: canonical JSON, times, money, commitments, the body of an entry."""
