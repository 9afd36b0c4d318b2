"""What M2M is held against: forecasts without training, trees on window features, mixes, other networks."""
