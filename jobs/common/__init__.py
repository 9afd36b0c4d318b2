"""Plumbing every job shares: arguments, settings, Spark session, warehouse tables, run log."""
