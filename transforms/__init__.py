"""The stages: one PTransform a file, rows in and rows out; a stage never imports another."""
