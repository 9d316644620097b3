"""Text in: tables of texts and labels, tokenizers, packed batches, n-gram counts and word-vector files."""
