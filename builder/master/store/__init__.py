"""The master's database: one module of SQL per noun, each a set of plain functions over a connection."""
