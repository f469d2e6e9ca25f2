"""The fleet's TUF repository: who may sign what, and what was signed (DESIGN section 5)."""
