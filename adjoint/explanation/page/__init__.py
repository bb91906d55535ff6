"""The interactive page: an explanation as one file that opens in any browser, without a network.

Python records what happens and writes it down as data (`model`); the script in `assets` shows it.
"""
