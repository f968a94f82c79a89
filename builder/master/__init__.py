"""The master: collects builds, plans and dispatches their jobs, takes what slaves deliver, orders its publication."""
