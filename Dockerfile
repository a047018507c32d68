# First stage: the wheel and everything it needs, from the locked versions.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY requirements.lock pyproject.toml README.md ./
RUN python -m venv /opt/callcontrol \
 && /opt/callcontrol/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY callcontrol callcontrol
COPY dialplan dialplan
COPY tariffs tariffs
RUN /opt/callcontrol/bin/pip wheel --no-cache-dir --no-deps -w /wheel . \
 && /opt/callcontrol/bin/pip install --no-cache-dir --no-deps /wheel/*.whl

# Second stage: runs it as a user that may write only the journal's volume. Nothing else is
# written, so the root filesystem can be read-only, and no capability is needed:
#   docker run --read-only --cap-drop ALL --security-opt no-new-privileges \
#     --tmpfs /tmp -v callcontrol:/var/lib/callcontrol --env-file callcontrol.env callcontrol
FROM python:3.11-slim-bookworm
COPY --from=build /opt/callcontrol /opt/callcontrol
RUN useradd --system --uid 10001 --home-dir /var/lib/callcontrol --create-home callcontrol
ENV PATH=/opt/callcontrol/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    CALLCONTROL_JOURNAL=/var/lib/callcontrol/journal.sqlite \
    CALLCONTROL_LISTEN_HOST=0.0.0.0 \
    CALLCONTROL_METRICS_HOST=0.0.0.0
USER callcontrol
WORKDIR /var/lib/callcontrol
VOLUME /var/lib/callcontrol
EXPOSE 8084 9184
HEALTHCHECK CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:9184/livez', timeout=2)"]
ENTRYPOINT ["callcontrol"]
CMD ["serve"]
