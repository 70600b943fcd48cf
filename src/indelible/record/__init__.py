"""The way in: a host's document, the draft that is made of it, and the append that makes it an entry."""
