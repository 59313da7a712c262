"""What a vision-language model is asked, and how its answer is read."""
