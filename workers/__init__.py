"""JustLens, the GPU side: one small HTTP service per model family. Never imports the orchestrator."""
