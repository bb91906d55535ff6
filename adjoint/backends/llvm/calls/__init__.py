"""BLAS and LAPACK, called by address."""
