"""What leaves the log as a file: lists as CSV, XLSX or JSON Lines with a manifest beside them, and bundles."""
