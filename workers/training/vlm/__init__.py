"""The recipe of the built-in vision-language model, and the measure of every describer."""
