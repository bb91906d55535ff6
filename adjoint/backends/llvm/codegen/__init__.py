"""Kernels written as LLVM functions: elements, loops, vectors, nests."""
