"""Streaming responses on Lambda's Runtime API, on top of awslambdaric: knows bytes, nothing of ChatKit."""
