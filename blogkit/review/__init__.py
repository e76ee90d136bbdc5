"""Peer review of rendered posts: assign, read and annotate, survive re-rendering, answer, collect, report.

========== ======================================================================
commands   the library: a function for each command of ``blogkit review``
policy     who may do what, as one table
record     the format: W3C Web Annotations and rubric events
state      what a record comes to; standing, what of it may leave the class
keeping    which database a review keeps its events in
roster     who is who
assign     who reviews what
classroom  what each person sees of each post, and what becomes of what they write
server     the same, in browsers
========== ======================================================================
"""
