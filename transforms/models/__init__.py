"""Data that the thinking loads: made by `transforms/training`, each with a card that says from what."""
