"""The workflow's config: read, checked, and quoted where Snakemake hands it to a shell."""
