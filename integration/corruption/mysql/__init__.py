"""The same for MySQL's protocol: tokens in rows, errors, warnings, user variables, settings, statements, cursors and files."""
