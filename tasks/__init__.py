"""Task families: one file each, found by the `_target_` of `configs/tasks/*.yaml`."""
