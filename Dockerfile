# One executable on a base that has glibc, certificates and a user, and no shell.
FROM oven/bun:1.4.5 AS build
WORKDIR /build
COPY package.json bun.lock bunfig.toml ./
RUN bun install --frozen-lockfile
COPY tsconfig.json .env.example build.ts ./
COPY docs/upstreams.md docs/
COPY deploy/tributary.service deploy/
COPY release release
COPY src src
RUN bun run build && mkdir /state

FROM gcr.io/distroless/base-nossl-debian12:nonroot
COPY --from=build /build/dist/tributary /tributary
# for a volume, which gets this owner: STATE_DIRECTORY=/state keeps the state there
COPY --from=build --chown=65532:65532 /state /state
# Beyond the container's own loopback, so API_MASTER_KEY must be set, or ALLOW_UNAUTHENTICATED=true
ENV HOST=0.0.0.0 PORT=8000
EXPOSE 8000
USER nonroot
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s --retries=3 CMD ["/tributary", "health"]
ENTRYPOINT ["/tributary"]
