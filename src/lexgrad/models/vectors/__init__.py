"""Word vectors: training them, and what one does with them."""
