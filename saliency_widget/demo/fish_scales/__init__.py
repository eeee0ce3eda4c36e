"""Drawn fish scales whose age is the number of their winter rings; the models that read it are trained in `training`."""
