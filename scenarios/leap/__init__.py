"""The tier ``leap``: the same manager and the same world, and no cycle in which nothing can follow from anything."""
