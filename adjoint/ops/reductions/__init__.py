"""Operations along axes: sums, products, extrema, cumulative ones, sorting."""
