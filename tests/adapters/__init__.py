"""Tasks of other kinds than routability, as a user would write them: each an adapter of at most forty lines."""
