"""What a config will cost before it runs: jobs, time, disk and memory by stage, and how a cluster would work it off."""

TARGETS = ("all", "datasets", "pretrain", "finetune", "report")  # rules of the Snakefile that ask for everything
