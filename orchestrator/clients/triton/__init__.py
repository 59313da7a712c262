"""The vision-language models on Triton, over gRPC."""
