"""The manager as a process on a real site: its files, its signals, its terminal."""
