# Lockstep in a container:
#
#   docker build -t lockstep .
#   docker run -p 7432:7432 -e LOCKSTEP_UPSTREAM='host=db port=5432' lockstep
#
# Every setting is an environment variable: LOCKSTEP_ and its name in upper
# case.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
WORKDIR /src
COPY scripts/install scripts/install
RUN scripts/install build
COPY . .
RUN cmake --preset release \
	&& cmake --build --preset release \
	&& cmake --install build/release --strip --prefix /usr

FROM ${BASE}
COPY scripts/install /tmp/install
RUN /tmp/install runtime \
	&& rm -rf /tmp/install /var/lib/apt/lists/* \
	&& useradd --uid 7432 -U --no-create-home -s /usr/sbin/nologin lockstep
COPY --from=build /usr/bin/lockstep /usr/bin/lockstep
# The licenses of what is linked into it; Debian's packages bring their own.
COPY --from=build /usr/share/doc/lockstep/LICENSE /usr/share/doc/lockstep/NOTICE \
	/usr/share/doc/lockstep/
USER 7432:7432
ENV LOCKSTEP_LISTEN=0.0.0.0:7432 LOCKSTEP_HTTP_LISTEN=127.0.0.1:7433
EXPOSE 7432
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s CMD ["lockstep", "wait", "--max", "0"]
ENTRYPOINT ["lockstep"]
