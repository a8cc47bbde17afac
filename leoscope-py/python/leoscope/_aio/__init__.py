"""The classes of the package for event loops: the same methods, awaited."""
