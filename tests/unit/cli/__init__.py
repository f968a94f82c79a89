"""The command line without a farm."""
