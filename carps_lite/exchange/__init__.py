"""Bring and take: runs that others made become runs of a store, and runs of a store become files for other tools."""
