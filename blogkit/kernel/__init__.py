"""What runs in the process of a notebook.

Importable without the rest of blogkit, and in an environment that has nothing of what blogkit needs.
"""
