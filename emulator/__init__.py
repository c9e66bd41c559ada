"""The world that a load manager meets: clock, wires, slaves, boxes, meters, cars, grid, faults."""
