"""The version, in one place: hatchling reads it at build time, the package at run time."""

__version__ = "0.1.0.dev0"
