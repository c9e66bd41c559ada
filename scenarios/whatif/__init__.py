"""``whatif``: studies over many worlds, and the answer to the question that a study asks."""
