# The sequencer in a container of its own: no shell, no package manager, no root.
#
#   docker build -t stateset-sequencer .
#
# The admin program is in the same image: docker run … --entrypoint /usr/local/bin/stateset-sequencer-admin

FROM rust:1.95-slim-bookworm AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN cargo build --release --locked --bin stateset-sequencer --bin stateset-sequencer-admin \
    && mkdir -p /image/data /image/bin \
    && cp target/release/stateset-sequencer target/release/stateset-sequencer-admin /image/bin/

# glibc and certificates, and nothing else; runs as uid 65532.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /image/bin/ /usr/local/bin/
# The directory's owner is taken over by a volume that is mounted on it for the first time.
COPY --from=build --chown=65532:65532 --chmod=0700 /image/data /data
ENV STATESET_DATA_DIR=/data HOST=0.0.0.0 PORT=8080 LOG_FORMAT=json
VOLUME /data
EXPOSE 8080
USER 65532:65532
# Stops in under ten seconds on SIGTERM, which is Docker's default.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["/usr/local/bin/stateset-sequencer", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/stateset-sequencer"]
