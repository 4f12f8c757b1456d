"""The sample world's pictures, films and scenes on disk, as the owners of the real datasets ship theirs."""
