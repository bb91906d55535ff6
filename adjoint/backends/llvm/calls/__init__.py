"""BLAS and LAPACK, called by their addresses."""
