"""What `evaluate_models` is made of: competitors, units to fit, workers that fit them, tables that are written."""
