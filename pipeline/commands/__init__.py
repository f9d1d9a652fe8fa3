"""One file a command of `newsbeam`."""
