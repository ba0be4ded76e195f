# Lockstep in a container:
#
#   docker build -t lockstep .
#   docker run -p 7432:7432 -e LOCKSTEP_UPSTREAM='host=db port=5432' lockstep
#
# Every setting is an environment variable: LOCKSTEP_ and its name in upper
# case.  BASE may be any of the releases in docs/releases.md, for example from a
# mirror: --build-arg BASE=...  docs/deployment.md has the rest.
ARG BASE=debian:trixie-slim

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
# A number: Kubernetes' runAsNonRoot cannot look a name up.
USER 7432:7432
ENV LOCKSTEP_LISTEN=0.0.0.0:7432 LOCKSTEP_HTTP_LISTEN=127.0.0.1:7433
EXPOSE 7432
STOPSIGNAL SIGTERM
# A process that listens, and no more: a server that is away is no reason to
# start Lockstep anew.
HEALTHCHECK --interval=10s --timeout=3s CMD ["lockstep", "wait", "--max", "0"]
ENTRYPOINT ["lockstep"]
