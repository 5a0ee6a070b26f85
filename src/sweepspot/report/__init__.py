"""What people see: the terminal, the notes on run pages, pictures and the report."""
