"""Training: rows streamed in shuffled windows, one step after another, checkpoints, several processes."""
