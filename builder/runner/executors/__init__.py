"""Ways to fill a build root and to build in it, behind one interface."""
