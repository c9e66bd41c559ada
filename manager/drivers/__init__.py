"""How each family of devices is read and written: named registers in, readings and writes out; no IO."""
