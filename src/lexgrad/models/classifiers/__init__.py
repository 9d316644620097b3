"""Text classifiers: a short file each, and what they share."""
