"""Descriptive statistics, also without nan, histograms and sets."""
