"""A Django host with one model four times, for `benchmarks.outbox`: run by it, in an environment of its own."""
