"""The master: collects builds, plans and dispatches their jobs, takes slaves' deliveries, orders their publication."""
