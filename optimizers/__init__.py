"""Optimizer adapters: one file for each library, found by the `_target_` of `configs/optimizers/*.yaml`."""
