"""Facts about devices, and the one codec and reader that every other room shares."""
