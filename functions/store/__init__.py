"""Where threads live: the port (`base`), the table and its keys, and DynamoDB."""
