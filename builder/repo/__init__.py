"""The repository builder: puts what was built into repositories, whole generations at a time."""
