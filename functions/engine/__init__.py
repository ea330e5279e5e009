"""What each request does: reading, one turn, and how updates fold into items."""
