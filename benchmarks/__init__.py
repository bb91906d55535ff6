"""Benchmarks: ``python -m benchmarks [NAME ...] [--smoke]``, with no name all of them.

A benchmark is a module in this folder with a function ``run(smoke: bool) -> list[Result]``. Its
first docstring line says what it measures. With `smoke` it takes seconds, and checks that it runs
and that results agree; its times then mean little. What it needs to measure stands in `measure`.
"""
