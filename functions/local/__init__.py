"""The local stack and the command line: the deployed handlers, on one machine. Never deployed itself."""
