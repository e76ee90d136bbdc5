"""blogkit takes a deep-learning course project from an idea to a reviewed, interactive research post.

A notebook needs two names from here::

    from blogkit import record      # record.metric("test_error", 0.12, step=3)
    from blogkit import charts      # figure builders over the gathered table

Both are light; nothing else is loaded until a command asks for it.
"""

__version__ = "0.1.0"
