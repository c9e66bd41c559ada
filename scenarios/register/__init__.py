"""The tier ``register``: the same manager and the same world, and no bytes between them where nothing can happen to them."""
