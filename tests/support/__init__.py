"""What several suites share: stand-ins that are real servers, and streams to feed them."""
