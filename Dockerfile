# docker build --tag auditor .
# docker run --rm --network none --user "$(id -u):$(id -g)" --volume "$PWD:/work" auditor run specs
ARG PYTHON=3.13
FROM python:${PYTHON}-slim AS build
ARG EXTRAS=onnx,tflite,parquet
WORKDIR /src
COPY . .
RUN python -m venv /opt/auditor \
    && /opt/auditor/bin/pip install --no-cache-dir --no-compile ".[${EXTRAS}]"

FROM python:${PYTHON}-slim
# The commit in a report is git's word; without it, it is what the build server's variables say.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/* \
    && git config --system --add safe.directory '*' \
    && useradd --uid 1000 --create-home auditor
COPY --from=build /opt/auditor /opt/auditor
# Whoever runs it need not have a home: Matplotlib and Keras keep their settings where anybody may write.
ENV PATH=/opt/auditor/bin:$PATH HOME=/tmp MPLCONFIGDIR=/tmp/matplotlib KERAS_HOME=/tmp/keras PYTHONDONTWRITEBYTECODE=1
USER 1000
WORKDIR /work
ENTRYPOINT ["auditor"]
CMD ["--help"]
