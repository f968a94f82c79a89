"""The steps of an attempt, each carried out by the runner."""
