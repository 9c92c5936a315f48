"""What can be built: search spaces as pure values, and the torch modules that a genotype builds.

The values are here; a space with modules is imported from its own file, and torch with it.
"""

from searchspaces.space import Choice, Genotype, Space

__all__ = ["Choice", "Genotype", "Space"]
