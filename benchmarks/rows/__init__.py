"""The rows of the speed table; `benchmarks.row` says what a row is."""
