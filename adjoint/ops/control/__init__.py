"""Control flow: loops and branches, operations that hold the graphs they run."""
