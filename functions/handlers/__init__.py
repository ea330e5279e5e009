"""The Lambda functions' entry points."""
