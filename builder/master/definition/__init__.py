"""The farm's definition: the YAML text in which people describe projects, and the values it stands for.

One document describes one project. `text.parse` names every mistake with its line; `write.dump` writes text that parses
back to the same values; `difference.difference` says what applying a definition would change.
"""
