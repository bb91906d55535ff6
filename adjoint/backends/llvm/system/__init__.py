"""What native code needs of the machine: threads, memory, layouts of objects."""
