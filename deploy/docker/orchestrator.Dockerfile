# The CPU side: `justlens run`, `api`, `topology`, `doctor` and the migrations. No torch, no model.
# Build from the repository root:  docker build -f deploy/docker/orchestrator.Dockerfile -t justlens-orchestrator:0.1.0 .
# The base is pinned by version. Pin it by digest as well where you build: a digest has to be looked up in the registry.
FROM python:3.11.11-slim-bookworm AS wheels
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE queues.yaml ./
COPY orchestrator orchestrator
COPY workers workers
RUN python -m pip wheel --no-cache-dir --wheel-dir /wheels --constraint constraints.txt '.[servers]'

FROM python:3.11.11-slim-bookworm
RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels \
    python -m pip install --no-cache-dir --no-index --find-links /wheels 'justlens[servers]'
# Alembic's own configuration, for `alembic -c /app/deploy/alembic.ini upgrade head`.
COPY deploy/alembic.ini /app/deploy/alembic.ini
ENV JUSTLENS_MODE=servers \
    JUSTLENS_HTTP_HOST=0.0.0.0 \
    JUSTLENS_API_HOST=0.0.0.0 \
    JUSTLENS_LOG_FORMAT=json \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
USER 10001:10001
# SIGTERM drains for JUSTLENS_DRAIN_S (25 s), then what is left is released to the broker. Docker kills after 10 s
# unless told otherwise, so whoever runs this gives it longer: `docker stop -t 45`, `stop_grace_period: 45s`.
# An init process is not needed: with servers, the orchestrator handles the signals itself and starts no children.
STOPSIGNAL SIGTERM
EXPOSE 8080 8100
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8100/readyz', timeout=5)"]
ENTRYPOINT ["justlens"]
CMD ["run"]
