"""What a keeper does with a whole log: check it, back it up, restore it, close it."""
