"""The kinds of jobs as sequences of steps, each in a module of its own."""
