# The GPU side: one image for the workers enhance, clip, text and vlm; the command names the one to become.
# Build from the repository root:  docker build -f deploy/docker/worker.Dockerfile -t justlens-worker:0.1.0 .
# The CUDA libraries come with torch's wheels (CUDA 13: the host needs NVIDIA driver 580 or later), so the base is plain
# Python. It is pinned by version; pin it by digest as well where you build.
FROM python:3.11.11-slim-bookworm AS wheels
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE queues.yaml ./
COPY orchestrator orchestrator
COPY workers workers
RUN python -m pip wheel --no-cache-dir --wheel-dir /wheels --constraint constraints.txt '.[workers]'

FROM python:3.11.11-slim-bookworm
# What OpenCV links to, which basicsr imports.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*
RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels \
    python -m pip install --no-cache-dir --no-index --find-links /wheels 'justlens[workers]'
# Weights are mounted, never downloaded; what libraries cache goes where the container may write.
ENV HF_HUB_OFFLINE=1 \
    TRANSFORMERS_OFFLINE=1 \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
USER 10001:10001
# SIGTERM drains for --drain-s (25 s): give it longer than that before it is killed.
STOPSIGNAL SIGTERM
EXPOSE 8101 8102 8103 8104
# The port is the command's: whoever chooses another worker than enhance says which port is asked.
HEALTHCHECK --interval=10s --timeout=6s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8101/readyz', timeout=5)"]
ENTRYPOINT ["justlens", "worker"]
CMD ["enhance", "--", "--host", "0.0.0.0", "--port", "8101"]
