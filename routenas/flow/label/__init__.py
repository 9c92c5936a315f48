"""Labels from a real router: placed designs are routed, and what goes wrong is collected for ``routenas ingest``."""
