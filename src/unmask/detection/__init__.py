"""The only path from pixels to a score: detector, tracking, pooling, policy."""
