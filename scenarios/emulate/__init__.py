"""A site or a scenario in real time on ports of this machine, for a master that is not ours."""
