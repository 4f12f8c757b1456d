"""What a config will cost before it runs: jobs, time, disk and memory by stage, and how a cluster would work it off."""
