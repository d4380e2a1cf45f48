# Build:  docker build -t lipgen-asd .
# Run:    docker run --gpus all --rm -v /path/to/videos:/videos lipgen-asd
# The CUDA libraries are those of the PyTorch wheels; the driver comes from the host (NVIDIA Container Toolkit).
FROM python:3.11-slim-bookworm

RUN apt-get update \
 && apt-get install --yes --no-install-recommends ffmpeg libgl1 libglib2.0-0 make \
 && rm -rf /var/lib/apt/lists/*

WORKDIR /app
COPY Makefile requirements.txt ./
RUN make install VENV=/opt/venv

COPY optimized_runner.py config.py ./
COPY s3fd s3fd
COPY talknet talknet
COPY pipeline pipeline

# Weights are kept on a volume of their own, so that they are fetched once.
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility,video \
    XDG_CACHE_HOME=/weights \
    HOME=/tmp \
    PYTHONUNBUFFERED=1
RUN useradd --uid 1000 --no-create-home lipgen \
 && mkdir -p /videos /weights /out \
 && chown lipgen /videos /weights /out \
 && chmod 1777 /weights /out
VOLUME ["/videos", "/weights", "/out"]
USER lipgen

ENTRYPOINT ["/opt/venv/bin/python", "/app/optimized_runner.py"]
CMD ["/videos"]
