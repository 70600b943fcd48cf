"""The command line. `commands.py` lists the commands, `main.py` runs one; each other module holds those of one kind."""
