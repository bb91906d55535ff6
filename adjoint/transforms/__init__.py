"""Floor 2: transforms, graph in, graph of another meaning out. They import no operation."""
