"""Configurations: `run.yaml`, and one short file for each task family, optimizer and suite."""
