"""The documentation is part of the program: what it shows is run."""
