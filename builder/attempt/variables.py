"""Variables of the environment by which a slave tells its runners something, and knows what they started."""

ATTEMPT = "BUILDER_ATTEMPT"
"""The folder of the attempt, by which everything that its runner started is known."""
EXECUTOR = "BUILDER_EXECUTOR"
"""The name of the executor that the slave chose when it started, since to look for one takes time."""
MOCK = "BUILDER_MOCK"
"""The program mock, where it is not the one in PATH."""
