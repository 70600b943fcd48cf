"""What lies on a disk: files replaced whole, files not yet finished, what kind of file system it is."""
