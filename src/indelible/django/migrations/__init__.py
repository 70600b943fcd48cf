"""Django's migrations of the log's tables: each calls what `indelible init` and `indelible upgrade` call."""
