"""OpenAI's Responses API: thread items become input, its stream becomes ChatKit events."""
