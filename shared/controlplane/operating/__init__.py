"""Keeping a machine well once it runs: what queues, logs, metrics and buckets tell of it, and the work sent to it."""
