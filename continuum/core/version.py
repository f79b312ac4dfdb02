"""The version of the library, where every floor can read it."""

__version__ = "0.1.0"
