"""Builder: a farm that builds Linux distribution packages and images and publishes them as repositories."""

__version__ = "0.1.0"
