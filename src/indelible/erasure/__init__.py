"""How somebody is erased, what is left of them removed, and a lost keep replaced."""
