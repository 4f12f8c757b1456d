"""Where a job runs: its GPUs, processor, memory, and the locks that keep two jobs apart."""
