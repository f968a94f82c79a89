"""Decisions of the master: pure functions over values.

No module here imports a reactor, the system, a clock, chance or a database, nor anything that does.
"""
