"""Floor 4: passes, graph in, graph of the same meaning out."""
