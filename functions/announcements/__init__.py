"""What an operator's own systems are told: events on a bus, versioned (docs/events.md). Nobody waits for it."""
