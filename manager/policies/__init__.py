"""Policies: the rules by which a site is shared, each a controller behind one interface."""
