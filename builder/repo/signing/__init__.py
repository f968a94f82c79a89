"""Keys and signatures: how packages and metadata are signed."""
