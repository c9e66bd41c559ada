"""What a scenario may expect: a closed list of laws, one file each, and the operators around them."""
