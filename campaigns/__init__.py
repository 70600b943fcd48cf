"""Long checks that are too slow for `make test`. `python -m campaigns [name ...]` runs them."""
