"""What the clinic keeps (models), what can be done (doing), and the same over HTTP (views)."""
