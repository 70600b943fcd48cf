"""No models: what waits is read by the drainer alone. Django sends `post_migrate` only to an app with this file."""
