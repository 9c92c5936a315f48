"""What other programs find by the name of a top-level package; each folder here is installed as one."""
