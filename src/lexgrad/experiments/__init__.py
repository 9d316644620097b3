"""Many trainings of one model: over folds, over seeds, over settings."""
