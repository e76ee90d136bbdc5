"""Peer review of rendered posts: assign, read and annotate, survive re-rendering, answer, collect, report.

========== =============================================================
roster     who is who
assign     who reviews what
record     the format: W3C Web Annotations and rubric events
collect    records merged by union
========== =============================================================
"""
