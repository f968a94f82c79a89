"""The program that carries out one attempt, in a process of its own; it has no connection and no reactor."""
