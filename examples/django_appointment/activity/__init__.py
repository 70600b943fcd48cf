"""Records what happens in django-appointment: `who` acts, and the `receivers` of its models' signals."""
