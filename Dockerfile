# docker build --tag auditor .
# docker run --rm --network none --user "$(id -u):$(id -g)" --volume "$PWD:/work" auditor run specs
ARG PYTHON=3.13
FROM python:${PYTHON}-slim AS build
ARG EXTRAS=onnx,tflite,parquet
WORKDIR /src
COPY . .
# What is locked is what was tested: the same image tomorrow. Compiled here, as nobody may write there later, and every
# start would compile TensorFlow anew. Nobody builds C++ against it.
RUN sed -n 's/ \\$//; /^[a-z0-9-]*==/p' requirements/dev.txt > locked.txt \
    && python -m venv /opt/auditor \
    && /opt/auditor/bin/pip install --no-cache-dir --constraint locked.txt ".[${EXTRAS}]" \
    && rm -r /opt/auditor/lib/python*/site-packages/tensorflow/include

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
