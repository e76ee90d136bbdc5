"""The venue's format as code."""
