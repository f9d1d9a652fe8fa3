"""Making a lake's memory anew from its tables."""
