r"""The order of the stages, written once.

::

    template/ --new--> project --run--> runs/ --gather--> results/ --render--> site --check--> findings
                                                                       \--publish--> zip, folder, gh-pages
                                                                       \--review--> annotations, scores
"""

from __future__ import annotations
