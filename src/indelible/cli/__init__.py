"""The command line. `command_list.py` names the commands, `main.py` runs one; `commands/` has those of each kind."""
