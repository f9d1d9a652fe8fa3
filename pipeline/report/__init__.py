"""The page of a lake: what is asked of it, how it is drawn, how it is written."""
