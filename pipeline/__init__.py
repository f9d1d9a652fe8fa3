"""What is joined to what, and where it runs: the only place that knows runners, files and memory."""
