# tritonserver with the package that its models import. What a model is and needs: triton/README.md.
# Build from the repository root:  docker build -f deploy/docker/triton.Dockerfile -t justlens-triton:0.1.0 .
# 24.12 (Triton 2.53) has Python 3.12; 24.10 has 3.10, which the package refuses. Pinned by version; pin it by digest as
# well where you build.
FROM nvcr.io/nvidia/tritonserver:24.12-py3
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE queues.yaml ./
COPY orchestrator orchestrator
COPY workers workers
# numpy 1.x, whatever was tested together elsewhere: with numpy 2 this python backend returns empty tensors.
# --ignore-installed: pip cannot uninstall what Ubuntu's own package manager put there.
RUN sed --in-place '/^numpy==/d' constraints.txt \
    && python3 -m pip install --no-cache-dir --break-system-packages --ignore-installed \
       --constraint constraints.txt '.[workers]' 'numpy<2' \
    && python3 -c "import numpy, torch, transformers, workers.vlm.model; assert numpy.__version__.startswith('1.')"
COPY triton/models /models
COPY triton/encoders /encoders
ENV HF_HUB_OFFLINE=1 \
    TRANSFORMERS_OFFLINE=1 \
    JUSTLENS_WEIGHTS=/weights \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /tmp
# The unprivileged user that NVIDIA's image brings (triton-server).
USER 1000:1000
# tritonserver lets requests in progress finish for --exit-timeout-secs. It ends itself when a model's process died, so
# run it with a restart policy.
STOPSIGNAL SIGTERM
EXPOSE 8000 8001 8002
HEALTHCHECK --interval=10s --timeout=6s --start-period=600s --retries=3 \
    CMD ["python3", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/v2/health/ready', timeout=5)"]
CMD ["tritonserver", "--model-repository=/models", "--exit-timeout-secs=45"]
