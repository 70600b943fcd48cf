"""The commands, one module for each kind; `cli/command_list.py` names them all."""
