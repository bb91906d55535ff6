"""Floor 4: loops written in Python, found again in the graph that they leave, and rolled up."""
