"""What a browser sees: addresses, access, pages, templates and their words."""
