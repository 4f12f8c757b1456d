"""Writers of the sample world's datasets, in the layouts of the real ones."""
