# Conveyor for CPUs. docs/operations.md says how it is built and run, and how a GPU image is built.
ARG PYTHON=python:3.11.14-slim-bookworm

FROM ${PYTHON} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore \
    UV_NO_CACHE=1 UV_SYSTEM_CERTS=1
COPY deploy/build.lock /locks/
RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends binutils > /dev/null \
 && python -m venv /build \
 && /build/bin/pip install --quiet --require-hashes --requirement /locks/build.lock \
 && python -m venv --without-pip /opt/conveyor

# torch has a layer of its own: it is most of the image and changes seldom. It is not in the lock, since
# CPU builds are other files than those of the public index; its version is pinned.
ARG TORCH=2.13.0
ARG TORCH_INDEX=
COPY deploy/install_torch.sh /locks/
COPY wheels /wheels
RUN /locks/install_torch.sh "${TORCH}" /opt/conveyor /build /wheels

COPY deploy/requirements.lock /locks/
RUN /build/bin/pip --python /opt/conveyor/bin/python install --quiet --no-deps --require-hashes \
        --requirement /locks/requirements.lock \
 && find /opt/conveyor -type d -name tests -prune -exec rm -rf {} +

# The service, beside what it stands on: a change of code is a small layer.
FROM build AS package
COPY pyproject.toml README.md LICENSE /source/
COPY conveyor /source/conveyor
COPY model /source/model
COPY service /source/service
RUN /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /dist /source \
 && /build/bin/pip --python /opt/conveyor/bin/python install --no-deps --prefix /package /dist/*.whl

FROM ${PYTHON}
RUN useradd --system --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin conveyor
COPY --from=build /opt/conveyor /opt/conveyor
COPY --from=package /package /opt/conveyor
ENV PATH=/opt/conveyor/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    CONVEYOR_HOST=0.0.0.0 CONVEYOR_PORT=8000
# By number, so that whoever runs it can see that it is not root.
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "from conveyor.service.process.health import check; check('/readyz')"]
ENTRYPOINT ["conveyor"]
CMD ["serve"]
# Last, as the revision changes with every commit.
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="conveyor" \
      org.opencontainers.image.description="Serves a trained PyTorch LSTM text classifier over HTTP and shows what happens inside it." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
