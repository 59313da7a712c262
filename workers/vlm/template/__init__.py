"""What the model "template" is made of: words as data, judging a picture by contrasts, sentences, and JSON."""
