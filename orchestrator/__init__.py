"""JustLens, the CPU side: consumes the queues, drives the GPU workers, settles every job. Never imports torch."""

__version__ = "0.1.0"
