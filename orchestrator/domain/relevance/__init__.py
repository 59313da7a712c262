"""Tags, vectors, scores, ranking and alt texts, as pure functions."""
