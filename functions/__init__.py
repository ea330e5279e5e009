"""The serverless backend for OpenAI's ChatKit. `docs/architecture.md` is the map of this package."""
