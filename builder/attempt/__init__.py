"""The folder of an attempt: all that a slave and its runner share."""
