"""The proof core: tree, signed note, checkpoint, bundle, and what verifies them. It trusts nobody and needs no keys."""
