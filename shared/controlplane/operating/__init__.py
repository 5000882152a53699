"""How a machine is seen and kept well once it runs: what its queues, logs, metrics and buckets tell, and the work sent."""
