"""Git and downloads: how the sources of a package come to a runner."""
