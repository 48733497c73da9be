# The command `relabel` with a Vulkan driver for the CPU; NVIDIA's container runtime adds that of the GPU. How to run it is
# in docs/installing.md.
#
#     docker build --tag relabel .
FROM denoland/deno:bin-2.9.6 AS deno

FROM debian:bookworm-slim
# NVIDIA's driver for Vulkan, which its runtime mounts, is linked with libX11, libXext and libEGL.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates libegl1 libvulkan1 libx11-6 libxext6 mesa-vulkan-drivers \
  && rm -rf /var/lib/apt/lists/*
COPY --from=deno /deno /usr/local/bin/deno
ENV NVIDIA_VISIBLE_DEVICES=all \
  NVIDIA_DRIVER_CAPABILITIES=graphics,compute,utility \
  EGL_LOG_LEVEL=fatal \
  XDG_RUNTIME_DIR=/tmp \
  DENO_DIR=/opt/deno \
  DENO_NO_UPDATE_CHECK=1

WORKDIR /relabel
COPY deno.json deno.lock mod.ts arrow.ts relabel.ts LICENSE ATTRIBUTIONS.md ./
COPY assets assets
COPY formats formats
COPY kernels kernels
COPY pipeline pipeline
COPY recipes recipes
# All packages in the versions of deno.lock, so that the container needs no network. The command is no `deno install`, which
# would leave the lock file behind.
RUN deno install --frozen --entrypoint relabel.ts \
  && printf '#!/bin/sh\nexec deno run --quiet --allow-all --cached-only /relabel/relabel.ts "$@"\n' >/usr/local/bin/relabel \
  && chmod +x /usr/local/bin/relabel \
  && useradd --create-home --uid 1000 relabel \
  && install --directory --mode 1777 /cache /work

# Annotators of the hub, and the kernels that were measured as fastest.
ENV XDG_CACHE_HOME=/cache
VOLUME /cache
USER relabel
WORKDIR /work
ENTRYPOINT ["relabel"]
CMD ["--help"]
