"""Who is calling: client tokens, and the keys that sign them."""
