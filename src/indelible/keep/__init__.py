"""Secrets and signed heads, which lie outside the database: whoever is cut out of the keep can be read by nobody."""
