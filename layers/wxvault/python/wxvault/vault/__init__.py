"""The DynamoDB adapter: items, expressions and sealing."""
