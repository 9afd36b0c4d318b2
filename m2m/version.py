"""The library's version: part of every bundle, so that a score can be traced to the code that made it."""

__version__ = "0.1.0"
