"""From a plan to a run's folder."""
