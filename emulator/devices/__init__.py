"""Devices behind their register maps: a datasheet says where a value stands, the world says what it is."""
