"""The review as a library: one function for each command of ``blogkit review``, under the command's name.

::

    from blogkit.review import commands as review

    review.assign(roster=Path("roster.csv"), seed=7, publish=True)
    print(review.report(format="csv"))

Each takes ``folder``, the review's folder; where it is None, that of the site around the working directory. Each
returns what it made; of most, ``str`` is what the command prints.
"""

from blogkit.review.commands.assigning import assign
from blogkit.review.commands.blinding import leaks, revise
from blogkit.review.commands.exchanging import bundle, collect, export
from blogkit.review.commands.reporting import grades, report
from blogkit.review.commands.serving import links, open, serve  # noqa: A004  # named as the commands

__all__ = ["assign", "bundle", "collect", "export", "grades", "leaks", "links", "open", "report", "revise", "serve"]
