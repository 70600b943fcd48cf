"""The command line. `main.py` puts the commands together; each other module holds those of one kind."""
