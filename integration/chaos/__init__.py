"""Thousands of clients that connect, say half of something and vanish; afterwards all is as it was."""
