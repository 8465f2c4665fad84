"""The same messages to PostgreSQL and to the pooler; replies compared message by message."""
