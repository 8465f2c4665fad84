"""The same packets to MariaDB or MySQL and, through the pooler, to its twin; replies compared packet by packet."""
