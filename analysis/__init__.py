"""From the store to a report: pure functions from arrays to arrays, then figures, then text."""
