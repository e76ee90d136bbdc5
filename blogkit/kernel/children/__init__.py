"""A folder on the path of the Python processes that a run starts: ``sitecustomize`` in it is imported first."""
