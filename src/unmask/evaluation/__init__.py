"""How good a detector is, and how its scores become honest probabilities."""
