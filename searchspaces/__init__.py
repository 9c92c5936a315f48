"""What can be built: search spaces as pure values, and the torch modules that a genotype builds.

No space imports torch before it builds a module.
"""

from searchspaces.space import Choice, Genotype, Graph, Space, TaskShape

__all__ = ["Choice", "Genotype", "Graph", "Space", "TaskShape"]
