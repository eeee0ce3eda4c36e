"""Drawing code of the built-in building pictures; it knows pixels and architecture, not models."""
