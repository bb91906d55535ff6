"""The families of operations, and what all operations share."""
