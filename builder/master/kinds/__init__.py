"""The kinds of jobs as the master sees them, each in a module of its own.

A kind says what its orders tell, what must be delivered with a success, and what follows from its end.
"""
