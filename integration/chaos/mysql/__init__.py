"""The same for MySQL's protocol."""
