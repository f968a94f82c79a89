"""The operations of the repository builder, each in a module of its own."""
