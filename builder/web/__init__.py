"""HTTP: the API, the pages and the repositories, in front of the master's services."""
