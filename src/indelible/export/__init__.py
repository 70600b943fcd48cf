"""What leaves the log as a file: rows as CSV, with a manifest beside them."""
