"""Families of pretrained models, one file each: their names, and how one is loaded; imported when they are asked for."""
