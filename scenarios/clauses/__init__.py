"""What a Modbus slave must and should do, clause by clause, each a check with an id that runs on any slave's end."""
