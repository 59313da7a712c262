"""What the model "composed" is made of: words as data, judging a picture by contrasts, sentences, and JSON."""
