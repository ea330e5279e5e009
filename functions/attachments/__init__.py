"""Attachments: the port, limits, and S3."""
