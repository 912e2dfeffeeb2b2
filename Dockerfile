# placemat2 with what labs run on. See docs/kubernetes.md for how to run it.
#
#   docker build -t placemat2 .

FROM rust:1-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --locked --release --bins

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends \
        bird2 dnsmasq-base iproute2 iputils-ping nftables ovmf qemu-system-x86 qemu-utils swtpm \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/target/release/placemat2 /src/target/release/pmctl2 /usr/bin/
# The demo: `test demo -- COMMAND`.
COPY assets/demo /usr/share/placemat2/demo
COPY assets/guest /usr/share/placemat2/guest
# The engine is the first process: it reaps, and takes the lab down on SIGTERM.
ENTRYPOINT ["placemat2"]
CMD ["--help"]
