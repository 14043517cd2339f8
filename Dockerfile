# docker build -t ganzoo .
# docker run --rm -p 127.0.0.1:7860:7860 ganzoo      # the page of `ganzoo serve`, for this machine alone
# docker run --rm -v ganzoo:/cache -v "$PWD":/work ganzoo sample dcgan-fashion-mnist -o sheet.png
FROM python:3.11-slim

WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY ganzoo ganzoo
COPY plugins plugins
RUN pip install --no-cache-dir '.[video,web]' && rm -rf /src

# Weights from the Hub stay in the volume /cache. The user owns what it writes there and in /work.
RUN useradd --create-home ganzoo && mkdir /cache /work && chown ganzoo /cache /work
ENV HF_HOME=/cache
VOLUME /cache
USER ganzoo
WORKDIR /work

ENTRYPOINT ["ganzoo"]
# Inside of the container, all addresses: docker decides who reaches the port.
EXPOSE 7860
CMD ["serve", "--host", "0.0.0.0"]
