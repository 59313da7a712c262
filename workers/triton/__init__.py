"""What the models of Triton's python backend share. Imported inside tritonserver only."""
