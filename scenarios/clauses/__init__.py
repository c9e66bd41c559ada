"""What a Modbus slave must and should do, and how a box must behave: clauses, each a check with an id for any slave's end."""
