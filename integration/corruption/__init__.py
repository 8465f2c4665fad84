"""Hundreds of clients whose every statement carries a token that only they may get back."""
