"""The process of `indelible serve`: its settings, its threads, its start and its end."""
